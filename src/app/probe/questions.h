// Asks every section in a process of its own and puts the answers together.
#pragma once

#include <chrono>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/probe/child.h"
#include "app/probe/json.h"

namespace lumen::probe {

/// main() has blocked SIGINT and SIGTERM for streams; a report may just be ended.
void let_signals_end_us();

/// How long a driver may take to answer; LUMEN_PROBE_SECONDS is for machines that are emulated.
std::chrono::seconds time_limit();

/// What a child's end means for its section: its answer, or {"ok": false, "reason": "crashed
/// (SIGSEGV)", "crashed": true} or {…, "reason": "no answer within 15 s", "hung": true}.
Json answer_of(const ChildResult& result, std::chrono::milliseconds limit);

/// Asks sections by name, those of one call at the same time; the answers in the same order.
using Ask = std::function<std::vector<Json>(std::span<const std::string> sections)>;

/// Runs this very program once for each section, each for `limit` at most.
std::vector<Json> ask_processes(std::span<const std::string> sections,
                                std::chrono::milliseconds limit);

/// The whole report but for the machine: sections, ladder, summary. Nothing that needs CUDA is
/// asked where CUDA does not answer.
Json make_report(Json machine, std::span<const std::string_view> routes, const Ask& ask);

}  // namespace lumen::probe
