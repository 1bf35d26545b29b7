// libx265 3.5 loses some of its SAO tables at every close; LeakSanitizer asks this function about
// it.
extern "C" const char* __lsan_default_suppressions();  // NOLINT(bugprone-reserved-identifier)
extern "C" const char* __lsan_default_suppressions() { return "leak:x265_malloc\n"; }
