#include "state/manifest.h"

#include <gtest/gtest.h>

#include <functional>

#include <random>

#include "engine/hash.h"
#include "tests/state/state_test_util.h"

namespace rideflow {
namespace manifest_test {

using test::sample_checkpoint;

TEST(Manifest, ImpossibleNumbersAreDamage) {
  const auto code_of = [](const std::function<void(Checkpoint&)>& change) {
    Checkpoint checkpoint = sample_checkpoint(7);
    change(checkpoint);
    return decode_manifest(encode_manifest(checkpoint)).status().code();
  };
  EXPECT_EQ(code_of([](Checkpoint&) {}), Code::ok);
  EXPECT_EQ(code_of([](Checkpoint& c) { c.epoch = Epoch(10'000'000'000'000'000); }), Code::data_loss);
  EXPECT_EQ(code_of([](Checkpoint& c) { c.epoch = Epoch(-1); }), Code::data_loss);
  EXPECT_EQ(code_of([](Checkpoint& c) { c.key_groups = 65'537; }), Code::data_loss);
  EXPECT_EQ(code_of([](Checkpoint& c) { c.tasks[0].prepared[0].shard = Shard(-1); }), Code::data_loss);
  EXPECT_EQ(code_of([](Checkpoint& c) { c.tasks[0].prepared[0].epoch = Epoch(8); }), Code::data_loss);
}

TEST(ManifestTest, RoundTrips) {
  const Checkpoint manifest = sample_checkpoint(7);
  const std::string bytes = encode_manifest(manifest);
  auto again = decode_manifest(bytes);
  ASSERT_TRUE(again.ok()) << again.status().to_string();
  EXPECT_EQ(*again, manifest);
  EXPECT_TRUE(bytes.starts_with("rideflow-checkpoint 1 1 "));
}

TEST(ManifestTest, EveryFlippedBitAndEveryCutIsFound) {
  const std::string good = encode_manifest(sample_checkpoint(7));
  for (size_t at = 0; at < good.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      auto manifest = decode_manifest(bad);
      // The format number is no part of the checksum: another format, readable by us, is the same manifest.
      EXPECT_TRUE(!manifest.ok() || *manifest == sample_checkpoint(7)) << at;
      const bool named = manifest.ok() || manifest.status().code() == Code::data_loss ||
                         manifest.status().code() == Code::failed_precondition;
      EXPECT_TRUE(named) << manifest.status().to_string();
    }
    EXPECT_EQ(decode_manifest(good.substr(0, at)).status().code(), Code::data_loss) << at;
  }
  EXPECT_EQ(decode_manifest(good + "x").status().code(), Code::data_loss);
}

std::string with_head(uint32_t format, uint32_t least_reader, const std::string& body) {
  char line[128];
  std::snprintf(line, sizeof(line), "rideflow-checkpoint %u %u %zu %016llx\n", format, least_reader,
                body.size(), static_cast<unsigned long long>(checksum64(body)));
  return line + body;
}

TEST(ManifestTest, ANewerFormatIsRefusedByNameUnlessItsWriterSaysThatWeCanReadIt) {
  const std::string good = encode_manifest(sample_checkpoint(7));
  std::string body = good.substr(good.find('\n') + 1);
  const Status status = decode_manifest(with_head(3, 2, body)).status();
  EXPECT_EQ(status.code(), Code::failed_precondition);
  EXPECT_NE(status.message().find("format 3"), std::string::npos) << status.message();
  // A section of a later version.
  body += std::string("\x63\0\0\0\x03\0\0\0abc", 11);
  auto manifest = decode_manifest(with_head(3, 1, body));
  ASSERT_TRUE(manifest.ok()) << manifest.status().to_string();
  EXPECT_EQ(*manifest, sample_checkpoint(7));
}

TEST(ManifestTest, FileNamesCannotLeaveTheDirectory) {
  for (const std::string name : {"../x", "a/b", "", ".", ".."}) {
    Checkpoint manifest = sample_checkpoint(7);
    manifest.tasks[0].files[0].name = name;
    EXPECT_EQ(decode_manifest(encode_manifest(manifest)).status().code(), Code::data_loss) << name;
    manifest = sample_checkpoint(7);
    manifest.tasks[0].files[0].db_name = name;
    EXPECT_EQ(decode_manifest(encode_manifest(manifest)).status().code(), Code::data_loss) << name;
  }
}

TEST(ManifestTest, RandomBytesBehindAValidHeadNeverCrash) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::string good = encode_manifest(sample_checkpoint(7));
  for (int i = 0; i < 3000; ++i) {
    std::string body = good.substr(good.find('\n') + 1);
    for (int k = 0; k < 4; ++k) body[random() % body.size()] = static_cast<char>(random());
    body.resize(random() % (body.size() + 1));
    const auto manifest = decode_manifest(with_head(1, 1, body));
    EXPECT_TRUE(manifest.ok() || manifest.status().code() == Code::data_loss);
  }
}

}  // namespace manifest_test
}  // namespace rideflow
