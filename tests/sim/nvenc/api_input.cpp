#include <algorithm>

#include "api.h"
#include "presets.h"
#include "simulator.h"

namespace lumen::sim::nvenc {
namespace {

constexpr std::size_t kPitchAlignment = 64;

bool known_format(NV_ENC_BUFFER_FORMAT format) {
  const auto formats = input_formats();
  return std::ranges::find(formats, format) != formats.end();
}

NVENCSTATUS check_resource(Simulator& sim, const Session& session,
                           const NV_ENC_REGISTER_RESOURCE& resource) {
  if (resource.bufferUsage != NV_ENC_INPUT_IMAGE) return NV_ENC_ERR_UNIMPLEMENTED;
  if (resource.resourceToRegister == nullptr) {
    return sim.broken(NV_ENC_ERR_INVALID_PTR, "null resource");
  }
  if (!known_format(resource.bufferFormat)) return NV_ENC_ERR_UNSUPPORTED_PARAM;
  if (resource.width == 0 || resource.height == 0) {
    return sim.broken(NV_ENC_ERR_INVALID_PARAM, "resource without a size");
  }
  return session.device->check_resource(sim, resource);
}

}  // namespace

NVENCSTATUS nvEncCreateInputBuffer(void* encoder, NV_ENC_CREATE_INPUT_BUFFER* params) {
  return call(
      __func__, encoder, {.initialized = true, .device = true, .trouble = true},
      [&](Simulator& sim, Lock&, const auto& session) {
        const NVENCSTATUS version = check_version(sim, params, NV_ENC_CREATE_INPUT_BUFFER_VER,
                                                  "NV_ENC_CREATE_INPUT_BUFFER");
        if (version != NV_ENC_SUCCESS) return version;
        if (!known_format(params->bufferFmt)) return NV_ENC_ERR_INVALID_PARAM;
        if (params->width == 0 || params->height == 0) {
          return sim.broken(NV_ENC_ERR_INVALID_PARAM, "input buffer without a size");
        }
        auto buffer = std::make_shared<InputBuffer>();
        buffer->session = session.get();
        buffer->format = params->bufferFmt;
        buffer->width = params->width;
        buffer->height = params->height;
        const std::size_t row = row_bytes_of(buffer->format, buffer->width);
        buffer->pitch = (row + kPitchAlignment - 1) / kPitchAlignment * kPitchAlignment;
        const auto planes =
            planes_of(buffer->format, buffer->width, buffer->height, buffer->pitch, buffer->height);
        buffer->bytes.resize(planes.back().offset + planes.back().pitch * planes.back().rows, 0xA5);
        params->inputBuffer = sim.objects.insert(buffer);
        return NV_ENC_SUCCESS;
      });
}

NVENCSTATUS nvEncDestroyInputBuffer(void* encoder, NV_ENC_INPUT_PTR handle) {
  return call(__func__, encoder, {.release = true},
              [&](Simulator& sim, Lock&, const auto& session) {
                if (handle == nullptr && session->troubled) return NV_ENC_ERR_INVALID_PTR;
                const auto buffer = sim.find<InputBuffer>(*session, handle);
                if (buffer == nullptr) return NV_ENC_ERR_INVALID_PTR;
                if (buffer->locked) sim.violation("the input buffer is locked");
                sim.objects.erase(handle);
                return NV_ENC_SUCCESS;
              });
}

NVENCSTATUS nvEncLockInputBuffer(void* encoder, NV_ENC_LOCK_INPUT_BUFFER* params) {
  return call(__func__, encoder, {.initialized = true, .device = true, .trouble = true},
              [&](Simulator& sim, Lock&, const auto& session) {
                const NVENCSTATUS version = check_version(sim, params, NV_ENC_LOCK_INPUT_BUFFER_VER,
                                                          "NV_ENC_LOCK_INPUT_BUFFER");
                if (version != NV_ENC_SUCCESS) return version;
                const auto buffer = sim.find<InputBuffer>(*session, params->inputBuffer);
                if (buffer == nullptr) return NV_ENC_ERR_INVALID_PARAM;
                if (buffer->locked) return sim.broken(NV_ENC_ERR_INVALID_CALL, "locked already");
                buffer->locked = true;
                params->bufferDataPtr = buffer->bytes.data();
                params->pitch = static_cast<std::uint32_t>(buffer->pitch);
                return NV_ENC_SUCCESS;
              });
}

NVENCSTATUS nvEncUnlockInputBuffer(void* encoder, NV_ENC_INPUT_PTR handle) {
  return call(__func__, encoder, {.initialized = true, .release = true},
              [&](Simulator& sim, Lock&, const auto& session) {
                const auto buffer = sim.find<InputBuffer>(*session, handle);
                if (buffer == nullptr) return NV_ENC_ERR_INVALID_PARAM;
                if (!buffer->locked) return sim.broken(NV_ENC_ERR_INVALID_CALL, "not locked");
                buffer->locked = false;
                return NV_ENC_SUCCESS;
              });
}

NVENCSTATUS nvEncRegisterResource(void* encoder, NV_ENC_REGISTER_RESOURCE* params) {
  return call(__func__, encoder, {.initialized = true, .device = true, .trouble = true},
              [&](Simulator& sim, Lock&, const auto& session) {
                NVENCSTATUS status = check_version(sim, params, NV_ENC_REGISTER_RESOURCE_VER,
                                                   "NV_ENC_REGISTER_RESOURCE");
                if (status != NV_ENC_SUCCESS) return status;
                if (status = check_resource(sim, *session, *params); status != NV_ENC_SUCCESS)
                  return status;
                auto registration = std::make_shared<Registration>();
                registration->session = session.get();
                registration->description = *params;
                session->device->hold(sim, *registration);
                params->registeredResource = sim.objects.insert(registration);
                return NV_ENC_SUCCESS;
              });
}

NVENCSTATUS nvEncUnregisterResource(void* encoder, NV_ENC_REGISTERED_PTR handle) {
  return call(__func__, encoder, {.release = true},
              [&](Simulator& sim, Lock&, const auto& session) {
                const auto registration = sim.find<Registration>(*session, handle);
                if (registration == nullptr) return NV_ENC_ERR_RESOURCE_NOT_REGISTERED;
                if (registration->mapped) sim.violation("the resource is still mapped");
                session->device->release(sim, *registration);
                sim.objects.erase(handle);
                return NV_ENC_SUCCESS;
              });
}

// The header does not say that a resource may be mapped twice, so it may not.
NVENCSTATUS nvEncMapInputResource(void* encoder, NV_ENC_MAP_INPUT_RESOURCE* params) {
  return call(__func__, encoder, {.initialized = true, .device = true, .trouble = true},
              [&](Simulator& sim, Lock&, const auto& session) {
                const NVENCSTATUS version = check_version(
                    sim, params, NV_ENC_MAP_INPUT_RESOURCE_VER, "NV_ENC_MAP_INPUT_RESOURCE");
                if (version != NV_ENC_SUCCESS) return version;
                const auto registration =
                    sim.find<Registration>(*session, params->registeredResource);
                if (registration == nullptr) return NV_ENC_ERR_RESOURCE_NOT_REGISTERED;
                if (registration->mapped)
                  return sim.broken(NV_ENC_ERR_MAP_FAILED, "mapped already");
                auto mapping = std::make_shared<Mapping>();
                mapping->session = session.get();
                mapping->registration = registration;
                registration->mapped = true;
                params->mappedResource = sim.objects.insert(mapping);
                params->mappedBufferFmt = registration->description.bufferFormat;
                return NV_ENC_SUCCESS;
              });
}

NVENCSTATUS nvEncUnmapInputResource(void* encoder, NV_ENC_INPUT_PTR handle) {
  return call(__func__, encoder, {.release = true},
              [&](Simulator& sim, Lock&, const auto& session) {
                const auto mapping = sim.find<Mapping>(*session, handle);
                if (mapping == nullptr) return NV_ENC_ERR_RESOURCE_NOT_MAPPED;
                // "The client must unmap the buffer after ::NvEncLockBitstream() API returns
                // successfully." An end of stream waits for all pictures too.
                if (mapping->frames_in_flight != 0 && session->stream_open && !session->troubled) {
                  sim.violation("unmapped before the bitstream of its picture was locked");
                }
                mapping->registration->mapped = false;
                sim.objects.erase(handle);
                return NV_ENC_SUCCESS;
              });
}

}  // namespace lumen::sim::nvenc
