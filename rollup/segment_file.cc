#include "rollup/segment_file.h"

#include <lz4.h>

#include <cstring>

#include "engine/hash.h"

namespace rideflow::rollup {
namespace {
constexpr uint32_t kMaxPiece = uint32_t{1} << 31;
}

Status damaged_segment(std::string_view what) {
  return Status::external(Code::data_loss, "A rollup segment is damaged: " + std::string(what) +
                                               ". Restore it from a copy, or "
                                               "remove the datasource and replay it.");
}

Result<SegmentFile> SegmentFile::open(Env* env, const std::string& path) {
  SegmentFile out;
  out.path_ = path;
  RF_ASSIGN(const auto file, env->fs().open(path));
  if (auto map = file->map(); map.ok()) {
    out.map_ = *std::move(map);
  } else {
    RF_ASSIGN(out.copy_, read_file(env->fs(), path));
  }
  return out;
}

Status SegmentFile::damaged(std::string_view what) const {
  return Status::external(Code::data_loss,
                          "The rollup segment '" + path_ + "' is damaged: " + std::string(what) +
                              ". Restore it from a copy, or remove the datasource and replay it.");
}

Result<SegmentFooter> SegmentFile::footer() const {
  const std::string_view all = bytes();
  if (all.size() < kSegmentHead.size() + kSegmentTail || !all.ends_with(kSegmentEnd)) {
    return damaged("it is cut off");
  }
  const int format = all.starts_with(kSegmentHead) ? 2 : 1;
  if (format == 1 && !all.starts_with(kSegmentHead1)) {
    return Status::user(
        Code::failed_precondition,
        "The rollup segment '" + path_ +
            "' was written by a newer version of Rideflow, or is damaged. Use that version, or "
            "restore the file from a copy.");
  }
  ByteReader tail(all.substr(all.size() - kSegmentTail));
  const auto size = tail.get<uint32_t>();
  const auto checksum = tail.get<uint64_t>();
  if (size > all.size() - kSegmentTail - kSegmentHead.size()) {
    return damaged("its footer is cut off");
  }
  const std::string_view footer = all.substr(all.size() - kSegmentTail - size, size);
  if (checksum64(footer) != checksum) return damaged("its footer's checksum differs");
  return decode_footer(footer, format);
}

Result<std::string_view> SegmentFile::read(const Piece& p, std::string& unpacked) const {
  const std::string_view all = bytes();
  if (p.offset > all.size() || p.stored > all.size() - p.offset) {
    return damaged("a column lies outside of the file");
  }
  const std::string_view stored = all.substr(p.offset, p.stored);
  if (checksum64(stored) != p.checksum) return damaged("a checksum differs");
  if (p.stored == p.plain) return stored;
  if (p.plain > kMaxPiece || p.plain / 300 > p.stored) {
    return damaged("a column is larger than it can be");
  }
  unpacked.resize(p.plain);
  const int n = LZ4_decompress_safe(stored.data(), unpacked.data(), static_cast<int>(p.stored),
                                    static_cast<int>(p.plain));
  if (n != static_cast<int>(p.plain)) return damaged("a column does not decompress");
  return std::string_view(unpacked);
}

Status Blobs::read(const SegmentFile& file, const Piece& piece, size_t n) {
  RF_ASSIGN(bytes_, file.read(piece, unpacked_));
  n_ = n;
  const size_t head = (n + 1) * sizeof(uint32_t);
  if (bytes_.size() < head) return damaged_segment("a list of values is cut off");
  uint32_t last = 0;
  for (size_t i = 0; i <= n; ++i) {
    const uint32_t at = offset(i);
    if (at < last || at > bytes_.size() - head) return damaged_segment("a list of values has wrong offsets");
    last = at;
  }
  return {};
}

uint32_t Blobs::offset(size_t i) const {
  uint32_t v = 0;
  std::memcpy(&v, bytes_.data() + i * sizeof v, sizeof v);
  return v;
}

}  // namespace rideflow::rollup
