/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-types.h"

G_BEGIN_DECLS

/* Well-formed UTF-8 of any code points but surrogates; a NUL byte is one of them. Any thread, linear, no allocation. */
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_utf8_check        (const void *data,
                                   gsize       len);

/* The same without U+0000: "UTF-8 encoded string" of MQTT 5.0 section 1.5.4. Control and non-characters pass, as they may. */
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_utf8_check_string (const void *data,
                                   gsize       len);

/* Length in bytes of the well-formed sequence at the start of data, 0 when there is none. */
HAWSER_AVAILABLE_IN_ALL
guint    hawser_utf8_next         (const guint8 *data,
                                   gsize         len);

G_END_DECLS
