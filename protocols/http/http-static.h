/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http-adapter.h"

G_BEGIN_DECLS

gboolean http_static_parse (const char   *entry,
                            char        **out_prefix,
                            const char  **out_dir);
gboolean http_static_owns  (HttpAdapter  *adapter,
                            const char   *path);

G_END_DECLS
