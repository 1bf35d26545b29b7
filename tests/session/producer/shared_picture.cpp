#include "shared_picture.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace lumen::producer {

Result<std::unique_ptr<SharedPicture>> SharedPicture::allocate(std::size_t bytes) {
  std::unique_ptr<SharedPicture> picture(new SharedPicture);
  picture->fd_ =
      UniqueFd::take(memfd_create("lumen-test-picture", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const int fd = picture->fd_.borrow();
  if (fd < 0) return fail_errno(ErrorKind::kIo, "memfd_create", errno);
  if (ftruncate(fd, static_cast<off_t>(bytes)) < 0) {
    return fail_errno(ErrorKind::kIo, "ftruncate", errno);
  }
  if (fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0) {
    return fail_errno(ErrorKind::kIo, "sealing a memfd", errno);
  }
  void* const data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) return fail_errno(ErrorKind::kIo, "mmap", errno);
  picture->data_ = static_cast<std::uint8_t*>(data);
  picture->bytes_ = bytes;
  return picture;
}

Result<std::unique_ptr<SharedPicture>> SharedPicture::allocate_dmabuf(std::size_t bytes) {
  auto dmabuf = test::TestDmaBuf::allocate(bytes);
  if (!dmabuf) return tl::unexpected<Error>(std::move(dmabuf.error()));
  std::unique_ptr<SharedPicture> picture(new SharedPicture);
  picture->dmabuf_ = std::move(*dmabuf);
  picture->data_ = reinterpret_cast<std::uint8_t*>(picture->dmabuf_->bytes().data());
  picture->bytes_ = picture->dmabuf_->bytes().size();
  return picture;
}

std::unique_ptr<SharedPicture> SharedPicture::borrow(void* data, std::size_t bytes) {
  std::unique_ptr<SharedPicture> picture(new SharedPicture);
  picture->data_ = static_cast<std::uint8_t*>(data);
  picture->bytes_ = data == nullptr ? 0 : bytes;
  return picture;
}

SharedPicture::~SharedPicture() {
  if (fd_ && data_ != nullptr) munmap(data_, bytes_);
}

}  // namespace lumen::producer
