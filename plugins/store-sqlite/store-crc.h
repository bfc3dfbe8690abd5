/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

guint32 store_crc32c          (guint32      crc,
                               const void  *data,
                               gsize        len);
guint32 store_crc32c_portable (guint32      crc,
                               const void  *data,
                               gsize        len);

G_END_DECLS
