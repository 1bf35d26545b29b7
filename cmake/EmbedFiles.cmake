# Script: writes the files FILES (names in FOLDER, separated by commas) as a C++ source OUTPUT that
# defines page_files() of src/sink/web/page_file.h. index.html becomes "/".
set(type_html "text/html; charset=utf-8")
set(type_css "text/css; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_svg "image/svg+xml")

set(arrays "")
set(table "")
set(count 0)
string(REPLACE "," ";" FILES "${FILES}")
foreach(name ${FILES})
  set(file "${FOLDER}/${name}")
  set(path "/${name}")
  if(name STREQUAL "index.html")
    set(path "/")
  endif()
  string(REGEX REPLACE ".*\\." "" extension "${name}")
  set(type "${type_${extension}}")
  file(READ "${file}" hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
  string(APPEND arrays "constexpr char kFile${count}[] = {${bytes}};\n")
  string(APPEND table "    {\"${path}\", \"${type}\", {kFile${count}, sizeof kFile${count}}},\n")
  math(EXPR count "${count} + 1")
endforeach()
file(WRITE "${OUTPUT}" "#include \"sink/web/page_file.h\"

namespace lumen::web {
namespace {

${arrays}
constexpr PageFile kFiles[] = {
${table}};

}  // namespace

std::span<const PageFile> page_files() { return kFiles; }

}  // namespace lumen::web
")
