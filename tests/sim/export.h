// What a stand-in's library shows to programs.
#pragma once

#if defined(_WIN32)
#define LUMEN_SIM_EXPORT __declspec(dllexport)
#else
#define LUMEN_SIM_EXPORT __attribute__((visibility("default")))
#endif
