/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where a broker is: mqtt://HOST[:PORT], mqtts://HOST[:PORT], or tcp:HOST:PORT and tls:HOST:PORT as listeners write it. */

#include "bridge-mqtt-address.h"

#include <string.h>

BridgeMqttAddress *
bridge_mqtt_address_parse (const char *text, GError **error)
{
  static const struct {
    const char *scheme;
    gboolean is_encrypted;
    guint16 port;              /* 0: it must be named */
  } schemes[] = { { "mqtt://", FALSE, 1883 }, { "mqtts://", TRUE, 8883 }, { "tcp:", FALSE, 0 }, { "tls:", TRUE, 0 } };

  for (gsize i = 0; i < G_N_ELEMENTS (schemes); i++)
    {
      const char *rest = text + strlen (schemes[i].scheme);
      g_autoptr (GSocketConnectable) parsed = NULL;
      g_autofree char *host_and_port = NULL;
      BridgeMqttAddress *self;

      if (!g_str_has_prefix (text, schemes[i].scheme))
        continue;
      if (strpbrk (rest, "@?#") != NULL)
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "address '%s': host and port only; who we are is said by user= and password-credential=", text);
          return NULL;
        }
      host_and_port = g_strndup (rest, strcspn (rest, "/"));
      parsed = g_network_address_parse (host_and_port, schemes[i].port, error);
      if (parsed == NULL)
        {
          g_prefix_error (error, "address '%s': ", text);
          return NULL;
        }
      if (g_network_address_get_port (G_NETWORK_ADDRESS (parsed)) == 0 || *g_network_address_get_hostname (G_NETWORK_ADDRESS (parsed)) == '\0')
        break;
      self = g_new0 (BridgeMqttAddress, 1);
      self->host = g_strdup (g_network_address_get_hostname (G_NETWORK_ADDRESS (parsed)));
      self->port = g_network_address_get_port (G_NETWORK_ADDRESS (parsed));
      self->is_encrypted = schemes[i].is_encrypted;
      return self;
    }
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "address '%s': want mqtt://HOST[:PORT], mqtts://HOST[:PORT], tcp:HOST:PORT or tls:HOST:PORT", text);
  return NULL;
}

void
bridge_mqtt_address_free (BridgeMqttAddress *self)
{
  if (self == NULL)
    return;
  g_free (self->host);
  g_free (self);
}
