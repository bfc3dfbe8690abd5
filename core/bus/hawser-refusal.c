/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* See hawser-refusal.h. Called by whatever part of the bus says no. */

#include "hawser-refusal.h"

int
hawser_refuse (HawserRefusal *self, int code, const char *format, ...)
{
  va_list arguments;

  self->retry_after_us = 0;
  va_start (arguments, format);
  g_vsnprintf (self->text, sizeof self->text, format, arguments);
  va_end (arguments);
  return code;
}
