// A segment file's bytes, and pieces of it by checked access.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/env.h"
#include "rollup/segment_format.h"

namespace rideflow::rollup {

Status damaged_segment(std::string_view what);

class SegmentFile {
 public:
  // The file mapped into memory, or read where it can't be.
  static Result<SegmentFile> open(Env* env, const std::string& path);
  // Names the file.
  Status damaged(std::string_view what) const;
  std::string_view bytes() const { return map_ ? *map_ : std::string_view(copy_); }
  size_t heap_bytes() const { return copy_.capacity(); }
  Result<SegmentFooter> footer() const;
  // The plain bytes of a piece: in the file, or in `unpacked`, which must live as long.
  Result<std::string_view> read(const Piece& p, std::string& unpacked) const;

 private:
  std::string path_;
  std::shared_ptr<const std::string_view> map_;
  std::string copy_;
};

// A piece of n items with their offsets in front.
class Blobs {
 public:
  Blobs() = default;
  Blobs(const Blobs&) = delete;
  Blobs& operator=(const Blobs&) = delete;
  // The file must outlive it.
  Status read(const SegmentFile& file, const Piece& piece, size_t n);
  std::string_view at(size_t i) const {
    const size_t head = (n_ + 1) * sizeof(uint32_t);
    return bytes_.substr(head + offset(i), offset(i + 1) - offset(i));
  }
  size_t size() const { return n_; }
  size_t heap_bytes() const { return unpacked_.capacity(); }

 private:
  uint32_t offset(size_t i) const;
  std::string unpacked_;
  std::string_view bytes_;
  size_t n_ = 0;
};

}  // namespace rideflow::rollup
