// EGL's and GLES's own headers: types, tokens and function-pointer types. Nothing of them is
// linked.
#pragma once

#define EGL_NO_X11  // keeps Xlib's macros (None, Status, …) out
#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <GLES3/gl3.h>
// After gl3.h, whose types it uses.
#include <GLES2/gl2ext.h>
