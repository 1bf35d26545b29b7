#include "encode/nvenc/bitstream_reader.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <thread>

namespace lumen::nvenc {
namespace {

using namespace std::chrono_literals;

constexpr auto kReaderHang = 5s;  // no chip needs so long for a slice
// "The application has to keep polling" (nvEncodeAPI.h, enableSubFrameWrite). A 1080p picture takes
// the chip some milliseconds.
constexpr auto kPoll = 100us;
// NV_ENC_LOCK_BITSTREAM::hwEncodeStatus has no names in the header; NVIDIA's low-latency sample
// reads 2 as done.
constexpr std::uint32_t kEncoded = 2;

bool begins_unit(std::span<const std::uint8_t> bytes) {
  return bytes.size() > 3 && bytes[0] == 0 && bytes[1] == 0 &&
         (bytes[2] == 1 || (bytes[2] == 0 && bytes[3] == 1));
}

}  // namespace

Result<BitstreamReader::Look> BitstreamReader::look(NV_ENC_OUTPUT_PTR bitstream, std::size_t known,
                                                    Wait wait) {
  const Driver& driver = session_.driver();
  NV_ENC_LOCK_BITSTREAM lock{};
  lock.version = NV_ENC_LOCK_BITSTREAM_VER;
  lock.outputBitstream = bitstream;
  lock.doNotWait = wait == Wait::kNo ? 1 : 0;
  lock.sliceOffsets = offsets_.data();
  const NVENCSTATUS status = driver.api.nvEncLockBitstream(session_.handle(), &lock);
  Look seen;
  if (wait == Wait::kNo && status == NV_ENC_ERR_LOCK_BUSY) {
    seen.busy = true;
    return seen;
  }
  auto locked = driver.check(status, "nvEncLockBitstream", session_.handle());
  if (!locked) return tl::unexpected(std::move(locked.error()));
  const std::span all(static_cast<const std::uint8_t*>(lock.bitstreamBufferPtr),
                      lock.bitstreamSizeInBytes);
  const auto fresh = all.subspan(std::min(known, all.size()));
  const bool torn = known > 0 && !fresh.empty() && !begins_unit(fresh);
  seen.part.bytes = std::make_shared<std::vector<std::uint8_t>>(fresh.begin(), fresh.end());
  seen.part.key = lock.pictureType == NV_ENC_PIC_TYPE_IDR;
  seen.slices = lock.numSlices;
  seen.complete = wait == Wait::kForThePicture || lock.hwEncodeStatus == kEncoded;
  ended_ = seen.complete;
  auto unlocked = driver.check(driver.api.nvEncUnlockBitstream(session_.handle(), bitstream),
                               "nvEncUnlockBitstream", session_.handle());
  if (!unlocked) return tl::unexpected(std::move(unlocked.error()));
  if (torn) {
    return fail(ErrorKind::kIo, "NVENC handed out a part of a slice",
                "this driver can't be read by slices: stream without sub-frame readback");
  }
  return seen;
}

Result<BitstreamPart> BitstreamReader::read(NV_ENC_OUTPUT_PTR bitstream, unsigned slices,
                                            const std::function<void(BitstreamPart)>& early) {
  ended_ = false;
  std::size_t known = 0;
  unsigned shown = 0;
  auto give_up = std::chrono::steady_clock::now() + kReaderHang;
  for (;;) {
    // With one slice to come there is nothing to poll for.
    const Wait wait = shown + 1 < slices ? Wait::kNo : Wait::kForThePicture;
    auto seen = look(bitstream, known, wait);
    if (!seen) return tl::unexpected(std::move(seen.error()));
    if (seen->complete) return std::move(seen->part);
    if (seen->busy || seen->part.bytes->empty()) {
      if (std::chrono::steady_clock::now() > give_up) {
        return fail(ErrorKind::kDeviceLost, "NVENC gives nothing back");
      }
      std::this_thread::sleep_for(kPoll);
      continue;
    }
    known += seen->part.bytes->size();
    shown = std::max(shown + 1, seen->slices);
    give_up = std::chrono::steady_clock::now() + kReaderHang;
    early(std::move(seen->part));
  }
}

}  // namespace lumen::nvenc
