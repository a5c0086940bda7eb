// Segments: answers are those of the same cells in memory, whatever page or piece they are in; a file of the
// format before is read; a damaged byte is an error or changes nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <roaring/roaring.hh>

#include "engine/hash.h"
#include "engine/virtual_env.h"
#include "rollup/cell_set.h"
#include "rollup/rollup_queries.h"
#include "rollup/segment.h"
#include "rollup/segment_format.h"
#include "tests/support/fuzz_rollup.h"
#include "tests/support/rollup_rows.h"
#include "tests/support/source_tree.h"

namespace rideflow::rollup {
namespace segment_test {

using test::RollupRow;

constexpr Micros kStart = VirtualEnv::kStart;
constexpr int64_t kSecond = kMicrosPerSecond;
constexpr int64_t kHour = 3600 * kSecond;

class Segments : public testing::Test {
 protected:
  std::shared_ptr<const Part> open(const std::string& bytes) {
    auto part = try_open(bytes);
    EXPECT_TRUE(part.ok()) << part.status().to_string();
    return part.ok() ? *part : nullptr;
  }
  Result<std::shared_ptr<const Part>> try_open(const std::string& bytes) {
    const auto out = env_.fs().create("segment");
    EXPECT_TRUE(out.ok() && (*out)->append(bytes).ok() && (*out)->close().ok());
    return open_segment(&env_, "segment", spec_);
  }
  // Its cells as bytes, or the error.
  std::string cells(const std::string& bytes) {
    const auto part = try_open(bytes);
    if (!part.ok()) return part.status().to_string();
    const auto set = read_cells(spec_, **part);
    return set.ok() ? encode_cells(*set) : set.status().to_string();
  }

  VirtualEnv env_;
  std::shared_ptr<const RollupSpec> spec_ = std::make_shared<const RollupSpec>(test::fuzz_rollup_spec());
};

// segment_format_1 holds the bytes that test::fuzz_segment_bytes() gave when format 1 was written.
TEST_F(Segments, AFileOfFormat1HasTheSameCells) {
  const std::string old = test::read_file("tests/rollup/segment_format_1");
  ASSERT_TRUE(old.starts_with(kSegmentHead1));
  const std::string now = test::fuzz_segment_bytes();
  ASSERT_TRUE(now.starts_with(kSegmentHead));
  EXPECT_EQ(cells(old), cells(now));
  for (int d = 0; d < static_cast<int>(spec_->dimensions.size()); ++d) {
    const auto before = open(old);
    const auto after = open(now);
    ASSERT_EQ(before->dimension(d).codes(), after->dimension(d).codes());
    for (uint32_t code = 0; code < before->dimension(d).codes(); ++code) {
      ::Roaring rows;
      EXPECT_TRUE(before->rows_with(d, {&code, 1}, rows));
      const auto reader = after->read();
      ASSERT_TRUE(reader->open(0).ok());
      const auto codes = reader->codes(d);
      ASSERT_TRUE(codes.ok());
      for (uint32_t row = 0; row < after->rows(); ++row) EXPECT_EQ(rows.contains(row), (*codes)[row] == code);
    }
  }
}

TEST_F(Segments, AFileOfALaterFormatIsRefused) {
  std::string bytes = test::fuzz_segment_bytes();
  bytes[kSegmentHead.size() - 1] = '3';
  EXPECT_THAT(cells(bytes), testing::HasSubstr("was written by a newer version of Rideflow"));
}

// Bitmaps are no cells; all else is under a checksum that a read compares.
TEST_F(Segments, ADamagedByteIsAnErrorOrChangesNothing) {
  for (const std::string& whole :
       {test::fuzz_segment_bytes(), test::read_file("tests/rollup/segment_format_1")}) {
    const std::string good = cells(whole);
    int refused = 0;
    int bytes = 0;
    for (size_t at = 0; at < whole.size(); at += 5, ++bytes) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
      const std::string got = cells(damaged);
      if (got == good) continue;
      ++refused;
      const bool told = got.find("damaged") != std::string::npos || got.find("newer") != std::string::npos;
      ASSERT_TRUE(told) << "byte " << at << ": " << got.substr(0, 200);
    }
    EXPECT_GT(refused, bytes / 2);
  }
}

// The same file with another footer, whose checksum fits.
template <class Change>
std::string with_footer(const std::string& file, Change change) {
  uint32_t size = 0;
  std::memcpy(&size, file.data() + file.size() - kSegmentTail, sizeof size);
  const size_t begin = file.size() - kSegmentTail - size;
  auto footer = decode_footer(std::string_view(file).substr(begin, size));
  EXPECT_TRUE(footer.ok());
  change(*footer);
  const std::string bytes = encode_footer(*footer);
  ByteWriter tail;
  tail.put(static_cast<uint32_t>(bytes.size())).put(checksum64(bytes));
  return file.substr(0, begin) + bytes + tail.take() + std::string(kSegmentEnd);
}

TEST_F(Segments, AFooterThatDoesNotFitItsPiecesIsDamage) {
  const std::string whole = test::fuzz_segment_bytes();
  const auto error_of = [&](auto change) { return cells(with_footer(whole, change)); };
  EXPECT_EQ(error_of([](SegmentFooter&) {}), cells(whole));
  EXPECT_THAT(error_of([](SegmentFooter& f) { f.times[0].form.bits = 63; }),
              testing::HasSubstr("damaged: a page has a wrong width"));
  EXPECT_THAT(error_of([](SegmentFooter& f) { f.times[0].form.bits = 57; }),
              testing::HasSubstr("damaged: a page has a wrong size"));
  EXPECT_THAT(error_of([](SegmentFooter& f) { f.dimensions[0].codes[0].form.step = 1'000; }),
              testing::HasSubstr("damaged: a row names a value that is not there"));
  EXPECT_THAT(error_of([](SegmentFooter& f) { f.dimensions[0].codes[0].form.base = -1; }),
              testing::HasSubstr("damaged: a row names a value that is not there"));
  EXPECT_THAT(error_of([](SegmentFooter& f) { f.dimensions[0].counts.form.bits = 57; }),
              testing::HasSubstr("damaged: a page has a wrong size"));
  EXPECT_THAT(error_of([](SegmentFooter& f) { f.dimensions[0].counts.checksum ^= 1; }),
              testing::HasSubstr("damaged: a checksum differs"));
  EXPECT_THAT(error_of([](SegmentFooter& f) { f.dimensions[0].bitmaps.clear(); }),
              testing::HasSubstr("damaged: an index has a wrong number of pieces"));
  EXPECT_THAT(error_of([](SegmentFooter& f) { f.metrics[0].ints.clear(); }),
              testing::HasSubstr("damaged: a column has a wrong number of pages"));
}

// A rollup of more than one piece of rows and of more values than one piece has bitmaps: null, values that
// few rows have, values that come and go; prices, sums of them that are no prices, and numbers that are
// neither.
class LargeSegment : public testing::Test {
 protected:
  static RollupSpec spec() {
    RollupSpec spec;
    spec.datasource = "rides";
    spec.granularity = *parse_granularity("second");  // hourly chunks
    spec.dimensions = {{"city"}, {"driver"}};
    spec.metrics = {{"count", MetricKind::count, "", ""},
                    {"fare", MetricKind::double_sum, "fare", ""},
                    {"ratio", MetricKind::double_max, "ratio", ""},
                    {"note", MetricKind::string_last, "note", ""}};
    return spec;
  }
  static RollupRow row(int i) {
    const int driver = i % 1'000 == 0 ? 150 : (i % 5 == 0 ? 0 : 1 + i / 300 * 3 % 140);
    RollupRow out;
    out.time = kStart + i / 20 * kSecond;
    out.dimensions = {i % 11 == 0 ? Value::null() : Value::string("city " + std::to_string(i % 20)),
                      Value::string("driver " + std::to_string(driver))};
    out.metrics = {Value::null(), i % 13 == 0 ? Value::null() : Value::float64(i * 37 % 10'000 / 100.0),
                   Value::float64(1.0 / (i + 1)), Value::string("note " + std::to_string(i % 50))};
    return out;
  }
  void SetUp() override {
    RollupStoreOptions options;
    options.publish_interval_us = 0;
    options.seal_after_us = 0;
    auto opened = RollupStore::open(&env_, "rollups", options);
    ASSERT_TRUE(opened.ok());
    store_ = *std::move(opened);
    auto writer = store_->writer(spec(), {"l1", "sink", 0, 1});
    ASSERT_TRUE(writer.ok());
    writer_ = *std::move(writer);
    std::vector<RollupRow> rows;
    for (int i = 0; i < kRows; ++i) {
      rows.push_back(row(i));
      if (i % 4 != 0) continue;
      rows.push_back(row(i));  // cells of several rows, whose sums round something away
      rows.back().metrics[1] = Value::float64(i * 41 % 10'000 / 30.0);
    }
    std::vector<int32_t> expired;
    ASSERT_TRUE(writer_->add(test::RollupBatch(spec(), rows).rows(), expired).ok());
  }
  std::string query(const std::string& body) const {
    const auto answer =
        RollupQueries(&env_, store_).post(R"({"dataSource":"rides","intervals":"2000/2100",)" + body);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.body;
  }

  static constexpr int kRows = 72'000;  // an hour, 20 a second
  mutable VirtualEnv env_;
  std::shared_ptr<RollupStore> store_;
  std::unique_ptr<RollupWriter> writer_;
};

TEST_F(LargeSegment, AnswersAreThoseOfCellsInMemory) {
  const std::string sums = R"("aggregations":[{"type":"count","name":"rows"},
      {"type":"longSum","name":"n","fieldName":"count"},{"type":"doubleSum","name":"f","fieldName":"fare"},
      {"type":"doubleMax","name":"r","fieldName":"ratio"},
      {"type":"stringLast","name":"s","fieldName":"note"}]})";
  const auto filtered = [](const std::string& dimension, const std::string& value) {
    return R"("filter":{"type":"selector","dimension":")" + dimension + R"(","value":)" + value + "},";
  };
  std::vector<std::string> queries;
  for (const std::string& head : std::vector<std::string>{
           R"("queryType":"timeseries","granularity":"all",)",
           R"("queryType":"timeseries","granularity":"fifteen_minute",)",
           R"("queryType":"topN","granularity":"all","dimension":"driver","metric":"f","threshold":200,)",
           R"("queryType":"groupBy","granularity":"all","dimensions":["city","driver"],)",
           R"("queryType":"groupBy","granularity":"fifteen_minute","dimensions":["city"],)"}) {
    for (const std::string& filter :
         {std::string(), filtered("city", R"("city 7")"), filtered("city", "null"),
          filtered("driver", R"("driver 150")"), filtered("driver", R"("driver 21")"),
          filtered("driver", R"("nobody")")}) {
      queries.push_back(head + filter + sums);
    }
  }
  std::vector<std::string> in_memory;
  for (const std::string& q : queries) in_memory.push_back(query(q));
  EXPECT_EQ(store_->snapshot("rides")->segment_bytes(), 0);
  ASSERT_TRUE(test::commit_epoch(*writer_, 1, kStart + kHour).ok());
  const auto sealed = store_->snapshot("rides");
  ASSERT_EQ(sealed->memory_bytes(), 0);
  ASSERT_GT(sealed->rows(), static_cast<int64_t>(kPieceRows));
  ASSERT_GT(sealed->parts.front()->dimension(1).codes(), kBitmapsPerPiece);
  for (size_t i = 0; i < queries.size(); ++i) EXPECT_EQ(query(queries[i]), in_memory[i]) << queries[i];
}

TEST_F(LargeSegment, OnlyRareValuesAreLookedUpInTheIndex) {
  ASSERT_TRUE(test::commit_epoch(*writer_, 1, kStart + kHour).ok());
  const auto part = store_->snapshot("rides")->parts.front();
  const DimensionView drivers = part->dimension(1);
  int looked_up = 0;
  for (uint32_t code = 1; code < drivers.codes(); ++code) {
    ::Roaring rows;
    const bool known = part->rows_with(1, {&code, 1}, rows);
    looked_up += known ? 1 : 0;
    if (drivers.values->at(code) == "driver 150") {
      ASSERT_TRUE(known);
      EXPECT_EQ(rows.cardinality(), kRows / 1'000);
    }
    if (drivers.values->at(code) == "driver 0") {
      EXPECT_FALSE(known) << "one row of five";
    }
  }
  EXPECT_GT(looked_up, 0);
}

}  // namespace segment_test
}  // namespace rideflow::rollup
