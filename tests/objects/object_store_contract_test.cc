// What every store promises, asked of each: a directory on the real and on the virtual disk, S3 as its model
// and, by tests/s3/run, a real server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "engine/hash.h"
#include "tests/objects/store_worlds.h"

namespace rideflow {
namespace object_store_contract_test {

using test::StoreKind;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr int64_t kSmall = 1000;

class ObjectStoreContract : public testing::TestWithParam<StoreKind> {
 protected:
  ObjectStoreContract() : world_(GetParam().make()), store_(world_->open()) {}

  void put(const std::string& name, std::string_view bytes) {
    const Status status = store_->put(name, bytes);
    ASSERT_TRUE(status.ok()) << status.to_string();
  }
  // What is there, or the code of the error.
  std::string get(const std::string& name) {
    auto object = store_->get(name, kSmall);
    return object.ok() ? object->bytes : std::string(to_string(object.status().code()));
  }
  std::string version(const std::string& name) {
    auto object = store_->get(name, kSmall);
    EXPECT_TRUE(object.ok()) << object.status().to_string();
    return object.ok() ? object->version : "";
  }
  std::vector<std::string> names(const std::string& prefix = "") {
    auto listed = store_->list(prefix);
    EXPECT_TRUE(listed.ok()) << listed.status().to_string();
    std::vector<std::string> found;
    if (listed.ok()) {
      for (const ObjectInfo& info : *listed) found.push_back(info.name);
    }
    return found;
  }
  std::string local_file(const std::string& name, std::string_view bytes) {
    test::write_local(world_->env(), world_->local(name), bytes);
    return world_->local(name);
  }
  std::string content(const std::string& path) { return test::read_local(world_->env(), path); }

  std::unique_ptr<test::StoreWorld> world_;
  std::shared_ptr<ObjectStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Stores, ObjectStoreContract, testing::ValuesIn(test::store_kinds()),
                         [](const auto& p) { return p.param.name; });

TEST_P(ObjectStoreContract, WhatWasPutIsThereWhole) {
  const std::string binary("a\0b\r\n\xff<&>", 9);
  put("a", "first");
  put("folder/b", binary);
  put("folder/empty", "");
  EXPECT_EQ(get("a"), "first");
  EXPECT_EQ(get("folder/b"), binary);
  EXPECT_EQ(get("folder/empty"), "");
  put("a", "second and longer");
  EXPECT_EQ(get("a"), "second and longer");
  put("a", "3");
  EXPECT_EQ(get("a"), "3");
  EXPECT_EQ(store_->stat("folder/b")->bytes, 9);
  EXPECT_EQ(store_->sum("folder/b")->checksum, checksum64(binary));
  EXPECT_THAT(names(), ElementsAre("a", "folder/b", "folder/empty"));
  EXPECT_EQ(world_->open()->get("a", kSmall)->bytes, "3") << "another process sees the same";
}

TEST_P(ObjectStoreContract, WhatIsMissingIsNotFoundAndNothingElse) {
  put("a", "object");
  put("folder/b", "object");
  for (const std::string name : {"none", "none/at/all", "folder", "folder/none"}) {
    EXPECT_EQ(store_->get(name, kSmall).status().code(), Code::not_found) << name;
    EXPECT_EQ(store_->stat(name).status().code(), Code::not_found) << name;
    EXPECT_EQ(store_->sum(name).status().code(), Code::not_found) << name;
    EXPECT_EQ(store_->get_file(name, world_->local("x")).code(), Code::not_found) << name;
    EXPECT_EQ(store_->compare_and_set(name, "\"v\"", "new").status().code(), Code::not_found) << name;
    EXPECT_TRUE(store_->remove(name).ok()) << name;
  }
  EXPECT_EQ(get("a/b"), "not_found") << "a way through an object";
  EXPECT_TRUE(store_->remove("a/b").ok());
  EXPECT_THAT(names("none"), IsEmpty());
  EXPECT_THAT(names("none/"), IsEmpty());
  EXPECT_THAT(names("a/"), IsEmpty());
  EXPECT_THAT(names(), ElementsAre("a", "folder/b"));
}

TEST_P(ObjectStoreContract, WhatIsNoNameIsRefusedByEveryVerb) {
  const std::string path = local_file("x", "bytes");
  for (const std::string& name :
       {std::string(""), std::string("/a"), std::string("a/"), std::string("a//b"), std::string(".."),
        std::string("a/../b"), std::string("./a"), std::string("a/.hidden"), std::string("a\nb"),
        std::string("a\0b", 3), std::string("a\x7f"), std::string("a\xff"), std::string(701, 'a'),
        std::string(201, 'a')}) {
    EXPECT_EQ(store_->put(name, "").code(), Code::invalid_argument) << name;
    EXPECT_EQ(store_->put_file({path, name}).status().code(), Code::invalid_argument) << name;
    EXPECT_EQ(store_->get(name, kSmall).status().code(), Code::invalid_argument) << name;
    EXPECT_EQ(store_->get_file(name, world_->local("y")).code(), Code::invalid_argument) << name;
    EXPECT_EQ(store_->copy_file(name, world_->local("y")).code(), Code::invalid_argument) << name;
    EXPECT_EQ(store_->stat(name).status().code(), Code::invalid_argument) << name;
    EXPECT_EQ(store_->sum(name).status().code(), Code::invalid_argument) << name;
    EXPECT_EQ(store_->remove(name).code(), Code::invalid_argument) << name;
    EXPECT_EQ(store_->create_if_absent(name, "").status().code(), Code::invalid_argument) << name;
    EXPECT_EQ(store_->compare_and_set(name, "v", "").status().code(), Code::invalid_argument) << name;
    if (!name.empty() && name != "a/") {
      EXPECT_EQ(store_->list(name).status().code(), Code::invalid_argument) << name;
    }
  }
  EXPECT_THAT(names(), IsEmpty());
}

TEST_P(ObjectStoreContract, NamesMayBeOdd) {
  const std::vector<std::string> odd = {"a b/c  d",  "a&b<c>\"'",  "a+b=c",    "a%2Fb", "a~b!*'()",
                                        "ä/日本 語", "#?&;:@,$/x", "x/y=1/z.", "-/_/~", "quote\"d"};
  for (const std::string& name : odd) put(name, name);
  std::vector<std::string> sorted = odd;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(names(), sorted);
  for (const std::string& name : odd) EXPECT_EQ(get(name), name);
  EXPECT_THAT(names("a%"), ElementsAre("a%2Fb"));
  EXPECT_THAT(names("ä/日"), ElementsAre("ä/日本 語"));
  ASSERT_TRUE(store_->remove_all(odd).ok());
  EXPECT_THAT(names(), IsEmpty());
}

TEST_P(ObjectStoreContract, AListIsSortedByNameAndCutByPrefix) {
  for (const std::string name : {"files/2", "a/b", "a-b", "files/10", "files/1", "a/c/d", "ab", "b"})
    put(name, name);
  EXPECT_THAT(names(), ElementsAre("a-b", "a/b", "a/c/d", "ab", "b", "files/1", "files/10", "files/2"));
  EXPECT_THAT(names("a"), ElementsAre("a-b", "a/b", "a/c/d", "ab"));
  EXPECT_THAT(names("a/"), ElementsAre("a/b", "a/c/d"));
  EXPECT_THAT(names("a/c"), ElementsAre("a/c/d"));
  EXPECT_THAT(names("files/1"), ElementsAre("files/1", "files/10"));
  EXPECT_THAT(names("b"), ElementsAre("b"));
  EXPECT_THAT(names("c"), IsEmpty());
  auto listed = store_->list("files/10");
  ASSERT_TRUE(listed.ok());
  EXPECT_EQ((*listed)[0].bytes, 8);
  const auto modified = store_->stat("files/10");
  EXPECT_LE(std::abs((*listed)[0].modified - modified->modified), kMicrosPerSecond) << "S3 knows seconds";
}

TEST_P(ObjectStoreContract, AListOfMoreThanAPage) {
  std::vector<std::string> wanted;
  for (int i = 0; i < 25; ++i) wanted.push_back("many/" + std::to_string(100 + i));
  for (const std::string& name : wanted) put(name, "x");
  put("more", "x");
  EXPECT_EQ(names("many/"), wanted);
}

TEST_P(ObjectStoreContract, FilesGoInAndComeOut) {
  std::vector<LocalFile> files;
  std::vector<std::string> contents;
  for (const size_t size :
       {size_t{0}, size_t{1}, world_->part_bytes() - 1, world_->part_bytes(), world_->part_bytes() + 1,
        2 * world_->part_bytes(), 5 * world_->part_bytes() / 2}) {
    std::string bytes(size, '\0');
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(mix64(i / 8 + size) >> (i % 8 * 8));
    const std::string name = "f" + std::to_string(size);
    files.push_back({local_file(name, bytes), "files/" + name});
    contents.push_back(std::move(bytes));
  }
  const auto sums = store_->put_files(files);
  ASSERT_TRUE(sums.ok()) << sums.status().to_string();
  ASSERT_EQ(sums->size(), files.size());
  for (size_t i = 0; i < files.size(); ++i) {
    SCOPED_TRACE(files[i].name);
    const ObjectSum wanted{static_cast<int64_t>(contents[i].size()), checksum64(contents[i])};
    EXPECT_EQ((*sums)[i], wanted);
    EXPECT_EQ(*store_->sum(files[i].name), wanted);
    EXPECT_EQ(store_->stat(files[i].name)->bytes, wanted.bytes);
    const std::string out = world_->local("out" + std::to_string(i));
    const Status got = store_->get_file(files[i].name, out);
    ASSERT_TRUE(got.ok()) << got.to_string();
    EXPECT_TRUE(content(out) == contents[i]);
    EXPECT_TRUE(content(files[i].path) == contents[i]) << "the file stays";
  }
}

TEST_P(ObjectStoreContract, AFileAndItsObjectGoTheirOwnWays) {
  const std::string path = local_file("in", "old");
  ASSERT_TRUE(store_->put_file({path, "a"}).ok());
  ASSERT_TRUE(store_->put_file({path, "a"}).ok()) << "the same once more";
  ASSERT_TRUE(store_->get_file("a", world_->local("out")).ok());
  put("a", "new");
  EXPECT_EQ(content(path), "old");
  EXPECT_EQ(content(world_->local("out")), "old");
  EXPECT_EQ(store_->get_file("a", world_->local("out")).code(), Code::already_exists);
  EXPECT_EQ(content(world_->local("out")), "old");
  ASSERT_TRUE(world_->env().fs().remove(path).ok());
  ASSERT_TRUE(store_->remove("a").ok());
  EXPECT_EQ(content(world_->local("out")), "old");
}

TEST_P(ObjectStoreContract, AFileThatGrowsGivesItsFirstBytes) {
  const std::string path = local_file("log", "record 1record 2rec");
  const auto sum = store_->put_file({path, "log", 16});
  ASSERT_TRUE(sum.ok()) << sum.status().to_string();
  EXPECT_EQ(sum->bytes, 16);
  EXPECT_EQ(sum->checksum, checksum64("record 1record 2"));
  auto file = world_->env().fs().append(path);
  ASSERT_TRUE(file.ok() && (*file)->append("ord 3").ok() && (*file)->close().ok());
  EXPECT_EQ(get("log"), "record 1record 2");
  EXPECT_EQ(*store_->sum("log"), *sum);
  EXPECT_EQ(store_->put_file({path, "none", 100}).status().code(), Code::failed_precondition);
  EXPECT_EQ(get("none"), "not_found");
}

TEST_P(ObjectStoreContract, ACopyMayBeWrittenTo) {
  ASSERT_TRUE(store_->put_file({local_file("in", "bytes"), "a"}).ok());
  const std::string path = world_->local("copy");
  const Status copied = store_->copy_file("a", path);
  ASSERT_TRUE(copied.ok()) << copied.to_string();
  auto file = world_->env().fs().append(path);
  ASSERT_TRUE(file.ok() && (*file)->append(" and more").ok() && (*file)->close().ok());
  EXPECT_EQ(content(path), "bytes and more");
  EXPECT_EQ(get("a"), "bytes");
  EXPECT_EQ(store_->copy_file("a", path).code(), Code::already_exists);
  EXPECT_EQ(store_->copy_file("none", world_->local("x")).code(), Code::not_found);
  EXPECT_EQ(store_->copy_file("a", world_->local("no/such/directory")).code(), Code::failed_precondition);
}

TEST_P(ObjectStoreContract, AFileThatIsMissingIsNotAnObjectThatIs) {
  const std::string there = local_file("there", "x");
  const std::vector<LocalFile> files = {{there, "a"}, {world_->local("none"), "b"}};
  const auto sums = store_->put_files(files);
  EXPECT_EQ(sums.status().code(), Code::failed_precondition) << sums.status().to_string();
  EXPECT_NE(sums.status().to_string().find("none"), std::string::npos) << sums.status().to_string();
  EXPECT_EQ(get("b"), "not_found");
  put("a", "x");
  const Status got = store_->get_file("a", world_->local("no/such/directory"));
  EXPECT_EQ(got.code(), Code::failed_precondition) << got.to_string();
}

TEST_P(ObjectStoreContract, WhatShouldBeSmallIsReadWithABound) {
  put("a", std::string(100, 'x'));
  EXPECT_TRUE(store_->get("a", 100).ok());
  const auto tight = store_->get("a", 99);
  EXPECT_EQ(tight.status().code(), Code::failed_precondition) << tight.status().to_string();
  EXPECT_NE(tight.status().to_string().find("99"), std::string::npos) << tight.status().to_string();
}

TEST_P(ObjectStoreContract, ManyAreRemovedAtOnceAndWhatIsMissingIsNoError) {
  for (const std::string name : {"a/1", "a/2", "b/1", "c"}) put(name, "x");
  const std::vector<std::string> gone = {"a/1", "none", "b/1", "none/x", "c", "c"};
  ASSERT_TRUE(store_->remove_all(gone).ok());
  EXPECT_THAT(names(), ElementsAre("a/2"));
  ASSERT_TRUE(store_->remove_all({}).ok());
  put("c/d", "an object where a name was");
  EXPECT_EQ(get("c/d"), "an object where a name was");
}

// ---- Conditions

TEST_P(ObjectStoreContract, OnlyTheFirstCreates) {
  const auto first = store_->create_if_absent("a", "first");
  ASSERT_TRUE(first.ok()) << first.status().to_string();
  EXPECT_EQ(*first, version("a"));
  for (const auto& store : {store_, world_->open()}) {
    const auto second = store->create_if_absent("a", "second");
    EXPECT_EQ(second.status().code(), Code::already_exists) << second.status().to_string();
    EXPECT_NE(second.status().to_string().find("a"), std::string::npos);
    EXPECT_EQ(store->create_if_absent("a", "first").status().code(), Code::already_exists) << "equal bytes";
  }
  EXPECT_EQ(get("a"), "first");
  ASSERT_TRUE(store_->remove("a").ok());
  EXPECT_TRUE(store_->create_if_absent("a", "second").ok());
  EXPECT_EQ(get("a"), "second");
}

TEST_P(ObjectStoreContract, APointerIsSetFromItsVersionOnly) {
  const auto first = store_->create_if_absent("pointer", "epoch 1");
  ASSERT_TRUE(first.ok());
  const auto second = store_->compare_and_set("pointer", *first, "epoch 2");
  ASSERT_TRUE(second.ok()) << second.status().to_string();
  EXPECT_EQ(*second, version("pointer"));
  EXPECT_NE(*second, *first);
  const auto stale = world_->open()->compare_and_set("pointer", *first, "epoch 3");
  EXPECT_EQ(stale.status().code(), Code::aborted) << stale.status().to_string();
  EXPECT_EQ(get("pointer"), "epoch 2");
  put("pointer", "epoch 4");
  EXPECT_EQ(store_->compare_and_set("pointer", *second, "epoch 5").status().code(), Code::aborted);
  EXPECT_TRUE(store_->compare_and_set("pointer", version("pointer"), "epoch 6").ok());
  EXPECT_EQ(get("pointer"), "epoch 6");
  ASSERT_TRUE(store_->remove("pointer").ok());
  const auto gone = store_->compare_and_set("pointer", *second, "epoch 7");
  EXPECT_EQ(gone.status().code(), Code::not_found) << gone.status().to_string();
  EXPECT_EQ(get("pointer"), "not_found") << "nothing is made where nothing was";
}

TEST_P(ObjectStoreContract, OfManyThatCreateOneWins) {
  for (int round = 0; round < 3; ++round) {
    std::atomic<int> won = 0;
    std::vector<std::thread> threads;
    const std::string name = "race" + std::to_string(round);
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        const auto created = world_->open()->create_if_absent(name, "by " + std::to_string(i));
        if (created.ok()) ++won;
        if (!created.ok()) {
          EXPECT_EQ(created.status().code(), Code::already_exists) << created.status().to_string();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(won, 1);
  }
}

// Each success is one step: none is lost, none counts twice.
TEST_P(ObjectStoreContract, CountersThatManySetLoseNothing) {
  ASSERT_TRUE(store_->create_if_absent("counter", "0").ok());
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      const auto store = world_->open();
      for (int done = 0; done < 5;) {
        const auto now = store->get("counter", kSmall);
        ASSERT_TRUE(now.ok()) << now.status().to_string();
        const auto set =
            store->compare_and_set("counter", now->version, std::to_string(std::stoi(now->bytes) + 1));
        if (set.ok()) ++done;
        if (!set.ok()) {
          ASSERT_TRUE(set.status().code() == Code::aborted || set.status().retry() == Retry::backoff)
              << set.status().to_string();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(get("counter"), "15");
}

TEST_P(ObjectStoreContract, ACheckLeavesNothingBehind) {
  const Status checked = store_->check();
  EXPECT_TRUE(checked.ok()) << checked.to_string();
  EXPECT_TRUE(world_->open()->check().ok());
  EXPECT_THAT(names(), IsEmpty());
  const auto swept = store_->sweep_leftovers(0);
  ASSERT_TRUE(swept.ok()) << swept.status().to_string();
  EXPECT_EQ(*swept, 0);
  EXPECT_FALSE(store_->describe().empty());
}

}  // namespace object_store_contract_test
}  // namespace rideflow
