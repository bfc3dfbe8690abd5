/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The connections of a mosquitto.conf as [bridge] groups. */

#include "tool-mosquitto-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *
make_rule (MosquittoImport   *self,
           MosquittoSetting  *setting,
           char    **out_direction)
{
  g_auto (GStrv) words = g_strsplit_set (setting->value, " \t", -1);
  g_autoptr (GPtrArray) parts = g_ptr_array_new ();
  g_autoptr (GString) rule = g_string_new (NULL);

  for (guint i = 0; words[i] != NULL; i++)
    if (*words[i] != '\0')
      g_ptr_array_add (parts, words[i]);
  if (parts->len == 0)
    return NULL;
  *out_direction = parts->len > 1 ? parts->pdata[1] : "out";
  *out_direction = g_strdup (*out_direction);
  g_string_append_printf (rule, "%s qos=%s", (char *) parts->pdata[0], parts->len > 2 ? (char *) parts->pdata[2] : "0");
  if (parts->len > 3 && strcmp (parts->pdata[3], "\"\"") != 0)
    g_string_append_printf (rule, " local=%s", (char *) parts->pdata[3]);
  if (parts->len > 4 && strcmp (parts->pdata[4], "\"\"") != 0)
    g_string_append_printf (rule, " remote=%s", (char *) parts->pdata[4]);
  if (strchr (rule->str, ';') != NULL)
    {
      mosquitto_note (self, setting->place, "topic %s: a semicolon in a topic of a bridge cannot be written here", setting->value);
      g_clear_pointer (out_direction, g_free);
      return NULL;
    }
  return g_string_free (g_steal_pointer (&rule), FALSE);
}

static void
write_bridge_topics (MosquittoImport  *self,
                     MosquittoSection *connection)
{
  static const char * const directions[] = { "in", "out", "both" };

  for (gsize d = 0; d < G_N_ELEMENTS (directions); d++)
    {
      g_autoptr (GString) list = g_string_new (NULL);

      for (guint i = 0; i < connection->settings->len; i++)
        {
          MosquittoSetting *setting = connection->settings->pdata[i];
          g_autofree char *direction = NULL, *rule = NULL;

          if (strcmp (setting->key, "topic") != 0)
            continue;
          setting->is_used = TRUE;
          rule = make_rule (self, setting, &direction);
          if (rule != NULL && strcmp (direction, directions[d]) == 0)
            g_string_append_printf (list, "%s;", rule);
        }
      if (list->len == 0)
        continue;
      g_string_append_printf (self->out, "topics-%s=", directions[d]);
      for (const char *p = list->str; *p != '\0'; p++)
        g_string_append (self->out, *p == '$' ? "$$" : ((char[]) { *p, '\0' }));
      g_string_append_c (self->out, '\n');
    }
}

/* A secret never stands in the configuration. */
static gboolean
write_password (MosquittoImport      *self,
                MosquittoSection     *connection,
                GError     **error)
{
  MosquittoSetting *setting = mosquitto_find (connection, "remote_password");
  g_autofree char *path = NULL, *file = NULL;
  int fd;

  if (setting == NULL)
    setting = mosquitto_find (connection, "password");
  if (setting == NULL)
    return TRUE;
  if (self->options->secrets_dir == NULL)
    {
      mosquitto_note (self, setting->place, "%s: a configuration holds no secrets; write it to a file of mode 600 and name that by password-file= in [bridge %s], or import with --secrets DIR",
            setting->key, connection->name);
      return TRUE;
    }
  file = g_strdup_printf ("bridge-%s.password", connection->name);
  g_strdelimit (file, "/", '_');
  path = g_canonicalize_filename (file, self->options->secrets_dir);
  fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0 || fchmod (fd, 0600) != 0 || write (fd, setting->value, strlen (setting->value)) != (gssize) strlen (setting->value))
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE, "%s: %s", path, g_strerror (errno));
      if (fd >= 0)
        close (fd);
      return FALSE;
    }
  close (fd);
  mosquitto_emit (self->out, "password-file", path);
  return TRUE;
}

static void
write_bridge_address (MosquittoImport  *self,
                      MosquittoSection *connection)
{
  const char *addresses = mosquitto_get (connection, "addresses") != NULL ? mosquitto_get (connection, "addresses") : mosquitto_get (connection, "address");
  gboolean is_encrypted = mosquitto_get (connection, "bridge_cafile") != NULL || mosquitto_find (connection, "bridge_capath") != NULL;
  g_auto (GStrv) words = g_strsplit_set (addresses != NULL ? addresses : "", " \t", -1);
  g_autoptr (GString) list = g_string_new (NULL);

  for (guint i = 0; words[i] != NULL; i++)
    if (*words[i] != '\0')
      g_string_append_printf (list, "%s://%s%s;", is_encrypted ? "mqtts" : "mqtt", words[i], strrchr (words[i], ':') == NULL ? ":1883" : "");
  mosquitto_emit (self->out, "address", list->str);
}

gboolean
mosquitto_write_bridge (MosquittoImport   *self,
              MosquittoSection  *connection,
              GError  **error)
{
  const char *version = mosquitto_get (connection, "bridge_protocol_version"), *user = mosquitto_get (connection, "remote_username");
  const char *id = mosquitto_get (connection, "remote_clientid"), *pause = mosquitto_get (connection, "restart_timeout");
  GString *out = self->out;

  g_string_append_printf (out, "[bridge %s]\ntype=mqtt\n", connection->name);
  write_bridge_address (self, connection);
  g_string_append_printf (out, "protocol-version=%s\n", g_strcmp0 (version, "mqttv50") == 0 ? "5" : g_strcmp0 (version, "mqttv31") == 0 ? "3.1" : "3.1.1");
  mosquitto_emit_if (out, "client-id", id != NULL ? id : mosquitto_get (connection, "clientid"));
  user = user != NULL ? user : mosquitto_get (connection, "username");
  mosquitto_emit_if (out, "user", user);
  if (!write_password (self, connection, error))
    return FALSE;
  mosquitto_emit_if (out, "ca-file", mosquitto_get (connection, "bridge_cafile"));
  mosquitto_emit_if (out, "certificate-file", mosquitto_get (connection, "bridge_certfile"));
  mosquitto_emit_if (out, "private-key-file", mosquitto_get (connection, "bridge_keyfile"));
  if (mosquitto_is_true (mosquitto_get (connection, "bridge_insecure")))
    g_string_append (out, "verify=false\n");
  if (mosquitto_is_true (mosquitto_get (connection, "cleansession")))
    g_string_append (out, "clean-session=true\n");
  mosquitto_emit_seconds (out, "keep-alive", mosquitto_get (connection, "keepalive_interval"));
  mosquitto_emit_limit (out, "max-packet-size", mosquitto_get (connection, "bridge_max_packet_size"));
  mosquitto_emit_limit (out, "max-in-flight", mosquitto_get (self->whole, "max_inflight_messages"));
  if (pause != NULL)
    {
      g_auto (GStrv) words = g_strsplit (pause, " ", 2);

      mosquitto_emit_seconds (out, "retry-initial", words[0]);
      mosquitto_emit_seconds (out, "retry-maximum", words[1] != NULL ? words[1] : words[0]);
    }
  write_bridge_topics (self, connection);
  g_string_append_c (out, '\n');
  return TRUE;
}
