#include "cuda_driver.h"
#include "simulator.h"

namespace lumen::sim::nvenc {
namespace {

class CudaDevice final : public Device {
 public:
  explicit CudaDevice(CUcontext context) : context_(context) {}

  [[nodiscard]] bool usable() const override { return driver_.context_usable(context_); }

  // Calls may come without a context, the encoder makes its own current. Another one is a mistake.
  void check_thread(Simulator& sim) const override {
    const CUcontext current = driver_.current_context();
    if (current != nullptr && current != context_) {
      sim.violation("another CUDA context than the session's is current");
    }
  }

  NVENCSTATUS check_resource(Simulator& sim,
                             const NV_ENC_REGISTER_RESOURCE& resource) const override {
    const bool pointer = resource.resourceType == NV_ENC_INPUT_RESOURCE_TYPE_CUDADEVICEPTR;
    if (!pointer && resource.resourceType != NV_ENC_INPUT_RESOURCE_TYPE_CUDAARRAY) {
      return NV_ENC_ERR_UNIMPLEMENTED;
    }
    // "This value must be a multiple of 4."
    if (resource.pitch % 4 != 0) {
      return sim.broken(NV_ENC_ERR_INVALID_PARAM, "pitch is not a multiple of 4");
    }
    const std::size_t row = row_bytes_of(resource.bufferFormat, resource.width);
    if (resource.pitch < row) {
      return sim.broken(NV_ENC_ERR_INVALID_PARAM, "pitch is smaller than a row");
    }
    if (!pointer) {
      const auto planes = planes_of(resource.bufferFormat, resource.width, resource.height,
                                    resource.pitch, resource.height);
      const bool one_array = planes.size() == 1 || planes[1].row_bytes == planes[0].row_bytes;
      if (!one_array) return NV_ENC_ERR_UNSUPPORTED_PARAM;
    }
    if (pointer && !covers(resource)) {
      return sim.broken(NV_ENC_ERR_RESOURCE_REGISTER_FAILED,
                        "not device memory, or less than the registration says");
    }
    return NV_ENC_SUCCESS;
  }

  // One allocation may be registered many times, by several sessions: the CUDA stand-in is told of
  // the first and the last.
  void hold(Simulator& sim, Registration& registration) override {
    const auto& description = registration.description;
    if (description.resourceType != NV_ENC_INPUT_RESOURCE_TYPE_CUDADEVICEPTR) return;
    const auto address = reinterpret_cast<CUdeviceptr>(description.resourceToRegister);
    const auto allocation = driver_.allocation(address);
    if (!allocation) return;
    registration.allocation = allocation->id;
    if (sim.holds[allocation->id]++ == 0) driver_.hold(address, "registered with NVENC");
  }
  void release(Simulator& sim, const Registration& registration) override {
    const auto entry = sim.holds.find(registration.allocation);
    if (entry == sim.holds.end() || --entry->second != 0) return;
    sim.holds.erase(entry);
    const auto address = reinterpret_cast<CUdeviceptr>(registration.description.resourceToRegister);
    const auto allocation = driver_.allocation(address);
    if (allocation && allocation->id == registration.allocation) driver_.hold(address, nullptr);
  }

  // The arguments point at CUstream values. Without this call the encoder reads on the default
  // stream (see the comment at nvEncSetIOCudaStreams in nvEncodeAPI.h).
  NVENCSTATUS set_streams(Simulator& sim, NV_ENC_CUSTREAM_PTR input,
                          NV_ENC_CUSTREAM_PTR output) override {
    const auto stream_at = [](NV_ENC_CUSTREAM_PTR pointer) {
      return pointer == nullptr ? nullptr : *static_cast<CUstream*>(pointer);
    };
    for (const CUstream stream : {stream_at(input), stream_at(output)}) {
      if (driver_.mark(context_, stream) == 0) {
        return sim.broken(NV_ENC_ERR_INVALID_PARAM, "no such CUDA stream");
      }
    }
    input_stream_ = stream_at(input);
    return NV_ENC_SUCCESS;
  }
  NVENCSTATUS mark_work(Simulator& sim, WorkMark& mark) const override {
    mark = {input_stream_, driver_.mark(context_, input_stream_)};
    if (mark.mark == 0) return sim.broken(NV_ENC_ERR_INVALID_PARAM, "the CUDA stream is gone");
    return NV_ENC_SUCCESS;
  }
  [[nodiscard]] bool wait(const WorkMark& mark) const override {
    return driver_.wait(context_, static_cast<CUstream>(mark.stream), mark.mark);
  }

  [[nodiscard]] bool read(const NV_ENC_REGISTER_RESOURCE& resource, NV_ENC_BUFFER_FORMAT format,
                          std::size_t width, std::size_t height, RawPlanes& pixels) const override {
    const auto planes = planes_of(format, width, height, resource.pitch, resource.height);
    pixels.resize(planes.size());
    return resource.resourceType == NV_ENC_INPUT_RESOURCE_TYPE_CUDAARRAY
               ? read_array(resource, planes, pixels)
               : read_pointer(resource, planes, pixels);
  }

 private:
  /// The memory behind a registration is as large as it says. Not known for a real driver.
  [[nodiscard]] bool covers(const NV_ENC_REGISTER_RESOURCE& resource) const {
    if (!driver_.is_stand_in()) return true;
    const auto address = reinterpret_cast<CUdeviceptr>(resource.resourceToRegister);
    const auto allocation = driver_.allocation(address);
    const std::size_t size =
        size_of(resource.bufferFormat, resource.width, resource.height, resource.pitch);
    return allocation && address + size <= allocation->base + allocation->size;
  }

  /// Rows of an array lie one below the other, planes too.
  [[nodiscard]] bool read_array(const NV_ENC_REGISTER_RESOURCE& resource,
                                const std::vector<PlaneLayout>& planes, RawPlanes& pixels) const {
    const std::size_t width = planes[0].row_bytes;
    const std::size_t full_row = row_bytes_of(resource.bufferFormat, resource.width);
    std::size_t rows = 0;
    for (const PlaneLayout& plane : planes) rows = plane.offset / plane.pitch + plane.rows;
    std::vector<std::uint8_t> all(full_row * rows);
    const auto array = static_cast<CUarray>(resource.resourceToRegister);
    if (!driver_.read_array(context_, array, full_row, rows, all.data())) return false;
    for (std::size_t i = 0; i < planes.size(); ++i) {
      const std::size_t first = planes[i].offset / planes[i].pitch;
      for (std::size_t y = 0; y < planes[i].rows; ++y) {
        const auto from = all.begin() + static_cast<std::ptrdiff_t>((first + y) * full_row);
        pixels[i].insert(pixels[i].end(), from, from + static_cast<std::ptrdiff_t>(width));
      }
    }
    return true;
  }

  [[nodiscard]] bool read_pointer(const NV_ENC_REGISTER_RESOURCE& resource,
                                  const std::vector<PlaneLayout>& planes, RawPlanes& pixels) const {
    const auto base = reinterpret_cast<CUdeviceptr>(resource.resourceToRegister);
    for (std::size_t i = 0; i < planes.size(); ++i) {
      const PlaneLayout& plane = planes[i];
      pixels[i].resize(plane.row_bytes * plane.rows);
      if (!driver_.read(context_, base + plane.offset, plane.pitch, plane.row_bytes, plane.rows,
                        pixels[i].data())) {
        return false;
      }
    }
    return true;
  }

  const CudaDriver& driver_ = CudaDriver::get();
  CUcontext context_;
  CUstream input_stream_ = nullptr;
};

}  // namespace

NVENCSTATUS Device::open(Simulator& sim, const NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS& params,
                         std::shared_ptr<Device>& device) {
  if (params.deviceType != NV_ENC_DEVICE_TYPE_CUDA) return NV_ENC_ERR_UNSUPPORTED_DEVICE;
  const auto context = static_cast<CUcontext>(params.device);
  if (context == nullptr) return sim.broken(NV_ENC_ERR_INVALID_DEVICE, "no CUDA context");
  if (!CudaDriver::get().context_usable(context)) {
    return sim.broken(NV_ENC_ERR_INVALID_DEVICE, "the CUDA context does not exist or is dead");
  }
  device = std::make_shared<CudaDevice>(context);
  return NV_ENC_SUCCESS;
}

}  // namespace lumen::sim::nvenc
