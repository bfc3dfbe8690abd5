/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The calling thread does little at a time and would like to do it soon: asks the kernel for short slices. */
void hawser_prompt_ask (void);

G_END_DECLS
