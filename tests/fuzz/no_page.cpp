// A page of one file, in place of what is built into the program.
#include "sink/web/page_file.h"

namespace lumen::web {
namespace {

constexpr PageFile kPage = {"/", "text/html; charset=utf-8", "<!doctype html>"};

}  // namespace

std::span<const PageFile> page_files() { return {&kPage, 1}; }

}  // namespace lumen::web
