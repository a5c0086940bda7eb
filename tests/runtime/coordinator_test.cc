#include "runtime/coordinator.h"

#include <gtest/gtest.h>

namespace rideflow {
namespace coordinator_test {

CoordinatorState job_of(int32_t tasks) {
  CoordinatorState state;
  state.tasks = tasks;
  state.interval = 1000;
  state.timeout = 50'000;
  return state;
}

template <class T>
const T* find(const Decision& d) {
  for (const JobCommand& command : d.commands) {
    if (const T* found = std::get_if<T>(&command)) return found;
  }
  return nullptr;
}

TaskSnapshot snapshot(int task, int64_t epoch) {
  TaskSnapshot s;
  s.task = TaskId(task);
  s.epoch = Epoch(epoch);
  return s;
}

// Drives the checkpoint under way to its end.
Decision complete(Decision d, Micros now) {
  const Epoch epoch = d.state.current->epoch;
  for (int task = 0; task < d.state.tasks; ++task) {
    d = apply(std::move(d.state), SnapshotArrived{now, snapshot(task, epoch.value)});
  }
  EXPECT_NE(find<PublishCheckpoint>(d), nullptr);
  d = apply(std::move(d.state), CheckpointPublished{now, epoch, 10});
  EXPECT_NE(find<CommitSinks>(d), nullptr);
  return apply(std::move(d.state), SinksCommitted{now, epoch});
}

Decision running(int32_t tasks) {
  Decision d = apply(job_of(tasks), JobStarted{100});
  d = complete(std::move(d), 200);
  EXPECT_EQ(d.state.phase, JobPhase::running);
  return d;
}

TEST(Coordinator, FirstCheckpointComesBeforeTheFirstRow) {
  Decision d = apply(job_of(2), JobStarted{100});
  ASSERT_NE(find<TriggerBarrier>(d), nullptr);
  EXPECT_EQ(find<TriggerBarrier>(d)->epoch, Epoch(1));
  for (int task = 0; task < 2; ++task) d = apply(std::move(d.state), SnapshotArrived{200, snapshot(task, 1)});
  EXPECT_EQ(find<ReleaseSources>(d), nullptr);
  d = apply(std::move(d.state), CheckpointPublished{200, Epoch(1), 10});
  EXPECT_NE(find<ReleaseSources>(d), nullptr);
  EXPECT_EQ(d.state.last_complete, Epoch(1));
}

TEST(Coordinator, EpochsGoOnBehindTheRestoredOne) {
  CoordinatorState state = job_of(1);
  state.last_complete = Epoch(7);
  EXPECT_EQ(find<TriggerBarrier>(apply(state, JobStarted{0}))->epoch, Epoch(8));
}

TEST(Coordinator, PublishesOnlyWhenEveryTaskAcknowledged) {
  Decision d = running(2);
  d = apply(std::move(d.state), ClockTick{1300});
  ASSERT_NE(find<TriggerBarrier>(d), nullptr);
  d = apply(std::move(d.state), SnapshotArrived{1301, snapshot(0, 2)});
  EXPECT_EQ(find<PublishCheckpoint>(d), nullptr);
  d = apply(std::move(d.state), SnapshotArrived{1301, snapshot(0, 2)});  // the same again
  EXPECT_EQ(find<PublishCheckpoint>(d), nullptr);
  d = apply(std::move(d.state), SnapshotArrived{1302, snapshot(1, 1)});  // of an older epoch
  EXPECT_EQ(find<PublishCheckpoint>(d), nullptr);
  d = apply(std::move(d.state), SnapshotArrived{1303, snapshot(1, 2)});
  ASSERT_NE(find<PublishCheckpoint>(d), nullptr);
  EXPECT_EQ(find<PublishCheckpoint>(d)->snapshots.size(), 2u);
}

TEST(Coordinator, SinksCommitOnlyAfterTheCheckpointIsDurable) {
  Decision d = apply(job_of(1), JobStarted{0});
  d = apply(std::move(d.state), SnapshotArrived{1, snapshot(0, 1)});
  EXPECT_EQ(find<CommitSinks>(d), nullptr);
  d = apply(std::move(d.state), CheckpointPublished{2, Epoch(1), 5});
  EXPECT_NE(find<CommitSinks>(d), nullptr);
}

TEST(Coordinator, OneCheckpointAtATimeAndNotBeforeTheInterval) {
  Decision d = running(1);
  EXPECT_EQ(find<TriggerBarrier>(apply(d.state, ClockTick{1199})), nullptr);
  d = apply(std::move(d.state), ClockTick{1200});
  EXPECT_NE(find<TriggerBarrier>(d), nullptr);
  EXPECT_EQ(find<TriggerBarrier>(apply(d.state, ClockTick{9000})), nullptr);
}

TEST(Coordinator, EndOfAllTasksPublishesTheRestAndFinishes) {
  Decision d = running(2);
  d = apply(std::move(d.state), TaskEnded{300, TaskId(0)});
  EXPECT_EQ(d.state.phase, JobPhase::running);
  d = apply(std::move(d.state), TaskEnded{301, TaskId(1)});
  EXPECT_EQ(d.state.phase, JobPhase::finishing);
  ASSERT_NE(find<TriggerBarrier>(d), nullptr);
  d = complete(std::move(d), 400);
  EXPECT_EQ(d.state.phase, JobPhase::finished);
  EXPECT_NE(find<StopTasks>(d), nullptr);
}

TEST(Coordinator, AnEndDuringACheckpointNeedsAnotherOne) {
  Decision d = running(1);
  d = apply(std::move(d.state), ClockTick{1200});  // epoch 2 under way
  d = apply(std::move(d.state), TaskEnded{1201, TaskId(0)});
  EXPECT_EQ(find<TriggerBarrier>(d), nullptr);
  d = complete(std::move(d), 1300);
  EXPECT_EQ(d.state.phase, JobPhase::finishing);  // epoch 2 may not hold the last rows
  ASSERT_TRUE(d.state.current.has_value());
  d = complete(std::move(d), 1400);
  EXPECT_EQ(d.state.phase, JobPhase::finished);
}

TEST(Coordinator, StopTakesALastCheckpointAndPauses) {
  Decision d = running(1);
  d = apply(std::move(d.state), StopRequested{300});
  ASSERT_NE(find<TriggerBarrier>(d), nullptr);
  EXPECT_EQ(find<TriggerBarrier>(apply(d.state, StopRequested{301})), nullptr);
  d = complete(std::move(d), 400);
  EXPECT_EQ(d.state.phase, JobPhase::stopped);
}

TEST(Coordinator, AStopAtOnceTakesNoCheckpoint) {
  Decision d = apply(running(1).state, StopRequested{300});  // slower, and overtaken
  d = apply(std::move(d.state), StopRequested{301, true});
  EXPECT_EQ(d.state.phase, JobPhase::stopped);
  EXPECT_FALSE(d.state.failure);
  EXPECT_NE(find<StopTasks>(d), nullptr);
  EXPECT_EQ(find<TriggerBarrier>(d), nullptr);
}

TEST(Coordinator, StopDuringTheStartIsNotForgotten) {
  Decision d = apply(job_of(1), JobStarted{0});
  d = apply(std::move(d.state), StopRequested{1});
  d = complete(std::move(d), 2);
  EXPECT_EQ(d.state.phase, JobPhase::stopping);
  d = complete(std::move(d), 3);
  EXPECT_EQ(d.state.phase, JobPhase::stopped);
}

TEST(Coordinator, AFailedTaskFailsTheJobAndNothingChangesAfterwards) {
  Decision d = running(1);
  d = apply(std::move(d.state), TaskFailed{300, TaskId(0), Status::user(Code::invalid_argument, "bad")});
  EXPECT_EQ(d.state.phase, JobPhase::failed);
  EXPECT_EQ(d.state.failure->message(), "bad");
  EXPECT_NE(find<StopTasks>(d), nullptr);
  d = apply(std::move(d.state), StopRequested{301});
  EXPECT_EQ(d.state.phase, JobPhase::failed);
  EXPECT_TRUE(d.commands.empty());
}

TEST(Coordinator, AStuckCheckpointFailsByName) {
  Decision d = running(1);
  d = apply(std::move(d.state), ClockTick{1200});
  d = apply(std::move(d.state), ClockTick{1200 + 50'001});
  EXPECT_EQ(d.state.phase, JobPhase::failed);
  EXPECT_NE(d.state.failure->message().find("checkpoint 2"), std::string::npos);
}

// Each step has the whole time, and a stuck one is named; what failed may be tried again.
TEST(Coordinator, AStuckPublishOrCommitFailsByName) {
  Decision d = apply(running(1).state, ClockTick{1200});
  d = apply(std::move(d.state), SnapshotArrived{40'000, snapshot(0, 2)});
  d = apply(std::move(d.state), ClockTick{90'000});
  EXPECT_EQ(d.state.phase, JobPhase::running);
  const Decision publishing = apply(d.state, ClockTick{90'001});
  EXPECT_EQ(publishing.state.phase, JobPhase::failed);
  EXPECT_NE(publishing.state.failure->message().find("checkpoint 2 was not written"), std::string::npos);
  EXPECT_EQ(publishing.state.failure->retry(), Retry::backoff);

  d = apply(std::move(d.state), CheckpointPublished{80'000, Epoch(2), 5});
  d = apply(std::move(d.state), ClockTick{130'000, "the brokers"});
  d = apply(std::move(d.state), ClockTick{180'000});
  EXPECT_EQ(d.state.phase, JobPhase::running);
  d = apply(std::move(d.state), ClockTick{180'001});
  EXPECT_EQ(d.state.phase, JobPhase::failed);
  EXPECT_NE(d.state.failure->message().find("its sinks did not publish it"), std::string::npos);
}

// Begins a checkpoint at `now`, of one task that prepared an epoch of its sink, and makes it durable.
Decision make_durable(CoordinatorState state, Micros now) {
  Decision d = apply(std::move(state), ClockTick{now});
  EXPECT_NE(find<TriggerBarrier>(d), nullptr) << now;
  const Epoch epoch = find<TriggerBarrier>(d)->epoch;
  TaskSnapshot with_rows = snapshot(0, epoch.value);
  with_rows.prepared = {{"out/sink", Shard(0), epoch, "handle"}};
  d = apply(std::move(d.state), SnapshotArrived{now, with_rows});
  EXPECT_NE(find<PublishCheckpoint>(d), nullptr);
  const std::vector<TaskSnapshot> listed = find<PublishCheckpoint>(d)->snapshots;
  d = apply(std::move(d.state), CheckpointPublished{now, epoch, 5});
  d.commands.push_back(PublishCheckpoint{epoch, listed});  // for who looks at what it listed
  return d;
}

std::vector<int64_t> listed_epochs(const Decision& d) {
  std::vector<int64_t> epochs;
  for (const PreparedEpoch& prepared : find<PublishCheckpoint>(d)->snapshots.at(0).prepared)
    epochs.push_back(prepared.epoch.value);
  return epochs;
}

TEST(Coordinator, CheckpointsGoOnWhileASinkPublishesAndListWhatItHasNot) {
  Decision d = make_durable(running(1).state, 2'000);
  EXPECT_EQ(find<CommitSinks>(d)->epoch, Epoch(2));
  d = make_durable(std::move(d.state), 4'000);
  EXPECT_EQ(find<CommitSinks>(d), nullptr);  // in order: epoch 2 is not published yet
  EXPECT_EQ(listed_epochs(d), (std::vector<int64_t>{2, 3}));
  d = make_durable(std::move(d.state), 6'000);
  EXPECT_EQ(listed_epochs(d), (std::vector<int64_t>{2, 3, 4}));
  d = apply(std::move(d.state), SinksCommitted{6'100, Epoch(3)});  // not what is under way
  EXPECT_EQ(find<CommitSinks>(d), nullptr);
  d = apply(std::move(d.state), SinksCommitted{6'200, Epoch(2)});
  ASSERT_NE(find<CommitSinks>(d), nullptr);
  EXPECT_EQ(find<CommitSinks>(d)->epoch, Epoch(3));
  const std::vector<PreparedByTask> expected = {{TaskId(0), {{"out/sink", Shard(0), Epoch(3), "handle"}}}};
  EXPECT_EQ(find<CommitSinks>(d)->prepared, expected);
  EXPECT_EQ(d.state.history.front().epoch, Epoch(2));
  d = make_durable(std::move(d.state), 8'000);
  EXPECT_EQ(listed_epochs(d), (std::vector<int64_t>{3, 4, 5}));
}

TEST(Coordinator, OnlySoManyCheckpointsAreUnpublished) {
  Decision d = running(1);
  Micros now = 2'000;
  for (size_t i = 0; i < kMostUnpublished; ++i) d = make_durable(std::move(d.state), now += 2'000);
  EXPECT_EQ(find<TriggerBarrier>(apply(d.state, ClockTick{now + 5'000})), nullptr);
  EXPECT_EQ(find<TriggerBarrier>(apply(d.state, CheckpointRequested{now + 5'000})), nullptr);
  d = apply(std::move(d.state), SinksCommitted{now + 5'000, Epoch(2)});
  EXPECT_NE(find<TriggerBarrier>(apply(d.state, ClockTick{now + 5'000})), nullptr);
}

// Also when there is no room for its last checkpoint at once.
TEST(Coordinator, AStopEndsWhenEverythingIsPublished) {
  Decision d = running(1);
  Micros now = 2'000;
  for (size_t i = 0; i < kMostUnpublished; ++i) d = make_durable(std::move(d.state), now += 2'000);
  d = apply(std::move(d.state), StopRequested{++now});
  EXPECT_EQ(find<TriggerBarrier>(d), nullptr);
  d = apply(std::move(d.state), SinksCommitted{++now, Epoch(2)});
  ASSERT_NE(find<TriggerBarrier>(d), nullptr);
  EXPECT_TRUE(find<TriggerBarrier>(d)->last);
  d = apply(std::move(d.state), SnapshotArrived{now, snapshot(0, 6)});
  d = apply(std::move(d.state), CheckpointPublished{now, Epoch(6), 5});
  for (int64_t epoch = 3; epoch <= 6; ++epoch) {
    EXPECT_EQ(d.state.phase, JobPhase::stopping) << epoch;
    d = apply(std::move(d.state), SinksCommitted{++now, Epoch(epoch)});
  }
  EXPECT_EQ(d.state.phase, JobPhase::stopped);
  EXPECT_NE(find<StopTasks>(d), nullptr);
}

// A broker may be away for hours: the checkpoint that waits for it is not stuck.
TEST(Coordinator, WaitingForOthersHasNoTimeOut) {
  Decision d = running(1);
  d = apply(std::move(d.state), ClockTick{1300});
  ASSERT_NE(find<TriggerBarrier>(d), nullptr);
  for (Micros now = 2'000; now < 1'000'000; now += 10'000) {
    d = apply(std::move(d.state), ClockTick{now, "the brokers"});
    ASSERT_EQ(d.state.phase, JobPhase::running) << now;
  }
  // They are back, and the task has the whole time again.
  d = apply(std::move(d.state), ClockTick{1'040'000});
  EXPECT_EQ(d.state.phase, JobPhase::running);
  d = apply(std::move(d.state), ClockTick{1'050'000});
  EXPECT_EQ(d.state.phase, JobPhase::failed);
}

// Whatever the job was doing when it was told to stop.
TEST(Coordinator, AStopDoesNotWaitForOthersForLong) {
  const auto at_start = apply(job_of(1), JobStarted{100});
  const auto ended = apply(running(1).state, TaskEnded{1'000, TaskId(0)});
  const auto collecting = apply(running(1).state, ClockTick{1'300});
  for (const Decision* from : {&at_start, &ended, &collecting}) {
    CoordinatorState state = from->state;
    state.stop_patience = 1'000;
    Decision d = apply(std::move(state), ClockTick{1'500, "the brokers"});
    d = apply(std::move(d.state), StopRequested{2'000});
    d = apply(std::move(d.state), ClockTick{2'999, "the brokers"});
    EXPECT_FALSE(d.state.failure);
    d = apply(std::move(d.state), ClockTick{3'500});  // slow, but nobody else's fault
    EXPECT_FALSE(d.state.failure);
    d = apply(std::move(d.state), ClockTick{3'600, "the brokers"});
    EXPECT_EQ(d.state.phase, JobPhase::stopped);
    ASSERT_TRUE(d.state.failure);
    EXPECT_NE(d.state.failure->message().find("the brokers"), std::string::npos);
    EXPECT_NE(find<StopTasks>(d), nullptr);
  }
}

}  // namespace coordinator_test
}  // namespace rideflow
