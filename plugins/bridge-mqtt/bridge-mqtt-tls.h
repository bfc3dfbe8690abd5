/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>
#include <openssl/ssl.h>

G_BEGIN_DECLS

typedef struct {
  const char *server_name;       /* whose certificate it must be: a name or a number */
  const char *ca_file;           /* NULL: the system's */
  const char *certificate;       /* PEM text; NULL: none */
  const char *private_key;
  gboolean verifies;
} BridgeMqttTls;

SSL_CTX *bridge_mqtt_tls_new_context (const BridgeMqttTls  *settings,
                                      GError              **error);

G_END_DECLS
