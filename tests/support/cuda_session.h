// CUDA as a test has it: the first device's context, current on this thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/error.h"
#include "zerocopy/cuda/context.h"

namespace lumen::test {

struct CudaSession {
  std::shared_ptr<const cuda::Driver> driver;
  std::shared_ptr<cuda::Context> context;
  std::optional<cuda::Context::Current> current;

  /// kUnsupported where there is no driver or GPU: a reason to skip.
  static Result<CudaSession> create(const std::string& soname = "libcuda.so.1") {
    CudaSession session;
    auto driver = cuda::load_driver(soname);
    if (!driver) return tl::unexpected(std::move(driver.error()));
    session.driver = std::move(*driver);
    auto devices = cuda::list_devices(*session.driver);
    if (!devices) return tl::unexpected(std::move(devices.error()));
    auto context = cuda::Context::create(session.driver, devices->front());
    if (!context) return tl::unexpected(std::move(context.error()));
    session.context = std::move(*context);
    auto current = session.context->make_current();
    if (!current) return tl::unexpected(std::move(current.error()));
    session.current.emplace(std::move(*current));
    return session;
  }
};

}  // namespace lumen::test
