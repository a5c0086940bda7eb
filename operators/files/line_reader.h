// LineReader: cuts the bytes of a file into lines, block by block, without copying them again.
//
// Empty lines, a byte order mark and the '\r' before a line's end are left out. A line longer than kMaxLine
// is handed out cut off just above that, so that a decoder rejects it; its rest is skipped. One thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/batch.h"
#include "operators/files/byte_source.h"

namespace rideflow {

class LineReader {
 public:
  static constexpr size_t kBlockBytes = size_t{512} << 10;
  static constexpr size_t kMaxLine = size_t{1} << 20;

  explicit LineReader(std::unique_ptr<ByteSource> bytes) : bytes_(std::move(bytes)) {}

  // Reads on from `offset` (of the uncompressed content). REQUIRES: nothing was read yet.
  Status skip_to(int64_t offset);
  // Up to `budget` whole lines into records and arena of `out`. False: no whole line is there now.
  Result<bool> read(int32_t budget, Origin& out);
  // After read() said false: what stands behind the last line break, as a line. False: nothing.
  bool read_tail(Origin& out);

  int64_t offset() const { return offset_; }  // of the first byte that no line has had
  const ByteSource& bytes() const { return *bytes_; }

 private:
  bool cut(int32_t budget, Origin& out);
  Status refill(bool& at_end);
  void add(size_t begin, size_t end, Origin& out);
  const char* data() const { return arena_.as<char>(); }

  std::unique_ptr<ByteSource> bytes_;
  BufferRef arena_;
  size_t begin_ = 0;    // of what no line has had
  size_t scanned_ = 0;  // no line break between begin_ and here
  size_t end_ = 0;
  int64_t offset_ = 0;  // in the content, of begin_
};

}  // namespace rideflow
