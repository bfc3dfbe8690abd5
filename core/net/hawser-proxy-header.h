/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define HAWSER_PROXY_MAX_HEADER (16 + 4096) /* ours: addresses take 216 bytes, certificates of clients in TLVs the rest */

typedef enum {
  HAWSER_PROXY_MORE,       /* all bytes so far are the header's, and more of it is to come */
  HAWSER_PROXY_DONE,
  HAWSER_PROXY_MALFORMED,
} HawserProxyResult;

/* Reads the header of the PROXY protocol, version 1 or 2, from the front of @data. DONE: it is @out_len bytes long and
 * @out_address is `tcp:ADDRESS:PORT`, or NULL when the proxy speaks for itself. */
HawserProxyResult hawser_proxy_header_read (const guint8  *data,
                                            gsize          len,
                                            gsize         *out_len,
                                            char         **out_address);

G_END_DECLS
