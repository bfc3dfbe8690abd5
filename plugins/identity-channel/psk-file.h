/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

#define PSK_FILE_MAX_LEN (1024 * 1024)  /* that of a secret: some 10,000 devices */
#define PSK_MAX_IDENTITY 256            /* bytes; what OpenSSL takes (PSK_MAX_IDENTITY_LEN) */
#define PSK_MIN_KEY 16                  /* bytes; RFC 9257 asks for 128 bits */
#define PSK_MAX_KEY 64                  /* bytes; hashes are not wider */

/* IDENTITY:HEXKEY on each line, as mosquitto's psk_file; empty lines and those that begin with # do not count. The table
 * maps identity to GBytes. Pure; errors name the line, never the key. */
GHashTable *psk_file_parse (const char  *text,
                            gsize        len,
                            GError     **error);

G_END_DECLS
