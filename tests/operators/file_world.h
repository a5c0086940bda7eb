// A virtual disk with files, and readers of the source kind `file` over it.
#pragma once

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/virtual_env.h"
#include "tests/operators/decode_support.h"
#include "tests/operators/source_contract.h"

namespace rideflow::test {

inline std::string gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, static_cast<uLong>(text.size())) + 64, '\0');
  std::string in = text;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

inline std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

inline std::string lines(const std::string& name, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "{\"file\":\"" + name + "\",\"n\":" + std::to_string(i) + "}\n";
  return text;
}

struct FileWorld {
  FileWorld() { env.set_auto_offload(true); }

  VirtualEnv env;
  Framing framing;

  void put(const std::string& path, const std::string& text) {
    EXPECT_TRUE(env.fs().make_dirs(parent_dir(path)).ok());
    auto file = env.fs().create(path);
    EXPECT_TRUE(file.ok());
    EXPECT_TRUE((*file)->append(text).ok());
  }
  void add(const std::string& path, const std::string& text) {
    auto file = env.fs().append(path);
    EXPECT_TRUE(file.ok() && (*file)->append(text).ok());
  }
  Result<std::unique_ptr<RecordReader>> open(const Options& o) {
    SourceConfig config;
    config.options = o;
    config.framing = framing;
    RF_ASSIGN(std::unique_ptr<RecordReader> made, catalog().find_source("file")->make(config));
    OpenContext context;
    context.env = &env;
    RF_TRY(made->open(context));
    return made;
  }
  // Opened, with partition 0 at its beginning.
  std::unique_ptr<RecordReader> reader(const Options& o, StartAt at = StartAt::earliest, Micros time = 0) {
    auto made = open(o);
    EXPECT_TRUE(made.ok()) << made.status().to_string();
    EXPECT_TRUE((*made)->assign(Partition(0), *(*made)->resolve(Partition(0), at, time)).ok());
    return *std::move(made);
  }
};

inline std::vector<std::string> payloads(RecordReader& reader, int32_t budget = 100) {
  std::vector<std::string> all;
  for (const auto& r : read_all(reader, Partition(0), budget)) all.push_back(r.payload);
  return all;
}

}  // namespace rideflow::test
