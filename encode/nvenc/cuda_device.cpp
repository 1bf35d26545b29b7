#include "encode/nvenc/cuda_device.h"

#include <variant>

namespace lumen::nvenc {

Result<std::unique_ptr<CudaDevice>> CudaDevice::create(
    std::shared_ptr<const cuda::Context> context) {
  std::unique_ptr<CudaDevice> self(new CudaDevice(std::move(context)));
  auto current = self->context_->make_current();
  if (!current) return tl::unexpected(std::move(current.error()));
  const cuda::Driver& cuda = self->context_->driver();
  auto made = cuda.check(cuda.cuStreamCreate(&self->output_stream_, CU_STREAM_NON_BLOCKING),
                         "cuStreamCreate");
  if (!made) return tl::unexpected(std::move(made.error()));
  return self;
}

CudaDevice::~CudaDevice() {
  if (output_stream_ == nullptr) return;
  if (auto current = context_->make_current()) context_->driver().cuStreamDestroy(output_stream_);
}

Result<void> CudaDevice::enter() {
  const cuda::Driver& cuda = context_->driver();
  return cuda.check(cuda.cuCtxPushCurrent(context_->handle()), "cuCtxPushCurrent");
}

void CudaDevice::leave() {
  CUcontext ignored = nullptr;
  context_->driver().cuCtxPopCurrent(&ignored);
}

Result<Frame> CudaDevice::bring(const Frame& frame) {
  if (const auto* image = std::get_if<CpuImage>(&frame.payload)) {
    auto buffer = uploader_.upload(*image, frame.size);
    if (!buffer) return tl::unexpected(std::move(buffer.error()));
    return Frame{std::move(*buffer), frame.size, frame.color, frame.times};
  }
  const auto* array = std::get_if<CudaArray>(&frame.payload);
  const auto* buffer = std::get_if<CudaBuffer>(&frame.payload);
  if (array == nullptr && buffer == nullptr) {
    return fail(ErrorKind::kInvalidArgument, "NVENC reads CUDA or host memory here");
  }
  if ((array != nullptr ? array->context : buffer->context) != context_) {
    return fail(ErrorKind::kDeviceLost, "the GPU was opened again");
  }
  return frame;
}

Result<InputResource> CudaDevice::resource(const Frame& frame) {
  if (const auto* array = std::get_if<CudaArray>(&frame.payload)) {
    auto format = buffer_format(array->format);
    if (!format) return tl::unexpected(std::move(format.error()));
    // "The width of the allocation in bytes" (nvEncodeAPI.h, NV_ENC_REGISTER_RESOURCE).
    return InputResource{NV_ENC_INPUT_RESOURCE_TYPE_CUDAARRAY, array->array, frame.size.width * 4,
                         *format, array->allocation};
  }
  const auto& buffer = std::get<CudaBuffer>(frame.payload);
  auto format = buffer_format(buffer.format);
  if (!format) return tl::unexpected(std::move(format.error()));
  return InputResource{NV_ENC_INPUT_RESOURCE_TYPE_CUDADEVICEPTR,
                       reinterpret_cast<void*>(buffer.planes[0]), buffer.pitches[0].bytes, *format,
                       buffer.allocation};
}

// With the stream that imports and conversions are queued on as input, NVENC waits for them by
// itself and the CPU for nothing. The output stream is one of its own: on the same one, the next
// frame's conversion would wait for this frame's encoding.
Result<void> CudaDevice::order(const Driver& driver, void* session) {
  if (driver.api.nvEncSetIOCudaStreams == nullptr) {
    return fail(ErrorKind::kUnsupported, "this NVIDIA driver can't order NVENC by CUDA streams",
                "install a newer NVIDIA driver");
  }
  return driver.check(driver.api.nvEncSetIOCudaStreams(session, &input_stream_, &output_stream_),
                      "nvEncSetIOCudaStreams", session);
}

}  // namespace lumen::nvenc
