/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reading a mosquitto.conf: which line belongs to the whole, to which listener, to which connection, as mosquitto.conf(5) says. */

#include "tool-mosquitto-private.h"

#include <stdlib.h>
#include <string.h>

#define MAX_FILES 1000               /* include_dir; ours, against a circle of links */
#define MAX_LINE_LEN 65536           /* bytes */

void
mosquitto_setting_free (gpointer data)
{
  MosquittoSetting *setting = data;

  g_free (setting->key);
  g_free (setting->value);
  g_free (setting->place);
  g_free (setting);
}

MosquittoSection *
mosquitto_section_new (const char *name)
{
  MosquittoSection *section = g_new0 (MosquittoSection, 1);

  section->name = g_strdup (name);
  section->settings = g_ptr_array_new_with_free_func (mosquitto_setting_free);
  return section;
}

void
mosquitto_section_free (gpointer data)
{
  MosquittoSection *section = data;

  g_ptr_array_unref (section->settings);
  g_free (section->name);
  g_free (section);
}

void
mosquitto_note (MosquittoImport     *self,
      const char *place,
      const char *format,
      ...)
{
  g_autofree char *text = NULL;
  va_list arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_ptr_array_add (self->notes, g_strdup_printf ("%s: %s", place, text));
}

/* The last one counts, as mosquitto takes it. */
MosquittoSetting *
mosquitto_find (MosquittoSection    *section,
      const char *key)
{
  MosquittoSetting *found = NULL;

  for (guint i = 0; section != NULL && i < section->settings->len; i++)
    {
      MosquittoSetting *setting = section->settings->pdata[i];

      if (strcmp (setting->key, key) != 0)
        continue;
      setting->is_used = TRUE;
      found = setting;
    }
  return found;
}

const char *
mosquitto_get (MosquittoSection    *section,
     const char *key)
{
  MosquittoSetting *setting = mosquitto_find (section, key);

  return setting != NULL ? setting->value : NULL;
}

gboolean
mosquitto_is_true (const char *value)
{
  return g_strcmp0 (value, "true") == 0 || g_strcmp0 (value, "1") == 0;
}

static const char * const listener_keys[] = {
  "bind_interface", "http_dir", "max_connections", "max_qos", "max_topic_alias", "mount_point", "protocol", "socket_domain",
  "use_username_as_clientid", "cafile", "capath", "certfile", "ciphers", "ciphers_tls1.3", "crlfile", "dhparamfile", "keyfile",
  "require_certificate", "tls_engine", "tls_keyform", "tls_version", "use_identity_as_username", "use_subject_as_username", "psk_hint", NULL
};

/* Of a listener when per_listener_settings is true. */
static const char * const either_keys[] = {
  "acl_file", "allow_anonymous", "allow_zero_length_clientid", "auto_id_prefix", "password_file", "plugin", "auth_plugin", "psk_file", NULL
};

static const char * const connection_keys[] = {
  "address", "addresses", "topic", "cleansession", "local_cleansession", "keepalive_interval", "idle_timeout", "local_clientid", "local_password",
  "local_username", "notifications", "notifications_local_only", "notification_topic", "remote_clientid", "clientid", "remote_password", "password",
  "remote_username", "username", "restart_timeout", "round_robin", "start_type", "threshold", "try_private", NULL
};

static MosquittoSection *
implicit_listener (MosquittoImport *self)
{
  if (self->listener == NULL)
    {
      self->listener = mosquitto_section_new ("");
      g_ptr_array_insert (self->listeners, 0, self->listener);
    }
  return self->listener;
}

static MosquittoSection *
find_home (MosquittoImport     *self,
           const char *key)
{
  if (strcmp (key, "port") == 0 || strcmp (key, "bind_address") == 0 || g_strv_contains (listener_keys, key))
    return implicit_listener (self);
  if (self->is_per_listener && g_strv_contains (either_keys, key))
    return implicit_listener (self);
  if (g_str_has_prefix (key, "bridge_") || g_strv_contains (connection_keys, key))
    return self->connection;
  return self->whole;
}

static int
compare_names (gconstpointer a,
               gconstpointer b)
{
  return strcmp (*(const char * const *) a, *(const char * const *) b);
}

static gboolean
read_directory (MosquittoImport      *self,
                const char  *path,
                GError     **error)
{
  g_autoptr (GDir) directory = g_dir_open (path, 0, error);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  if (directory == NULL)
    return FALSE;
  while ((name = g_dir_read_name (directory)) != NULL)
    if (g_str_has_suffix (name, ".conf"))
      g_ptr_array_add (names, g_build_filename (path, name, NULL));
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++)
    if (!mosquitto_read_file (self, names->pdata[i], error))
      return FALSE;
  return TRUE;
}

static gboolean
take_line (MosquittoImport      *self,
           const char  *path,
           guint        number,
           char        *line,
           GError     **error)
{
  g_autofree char *place = g_strdup_printf ("%s:%u", path, number);
  char *value = line + strcspn (line, " \t");
  MosquittoSection *home;
  MosquittoSetting *setting;

  if (*value != '\0')
    *value++ = '\0';
  g_strstrip (value);
  if (strcmp (line, "include_dir") == 0)
    return read_directory (self, value, error);
  if (strcmp (line, "listener") == 0)
    {
      self->listener = mosquitto_section_new (value);
      self->connection = NULL;
      g_ptr_array_add (self->listeners, self->listener);
      return TRUE;
    }
  if (strcmp (line, "connection") == 0)
    {
      self->connection = mosquitto_section_new (value);
      g_ptr_array_add (self->connections, self->connection);
      return TRUE;
    }
  if (strcmp (line, "per_listener_settings") == 0)
    {
      self->is_per_listener = mosquitto_is_true (value);
      return TRUE;
    }
  if (strcmp (line, "protocol") == 0 && strcmp (value, "mqtt") == 0 && self->listener == NULL)
    return TRUE; /* says nothing: it makes no listener */
  home = find_home (self, line);
  if (home == NULL)
    {
      mosquitto_note (self, place, "%s: stands before any connection", line);
      return TRUE;
    }
  setting = g_new0 (MosquittoSetting, 1);
  setting->key = g_strdup (line);
  setting->value = g_strdup (value);
  setting->place = g_steal_pointer (&place);
  g_ptr_array_add (home->settings, setting);
  return TRUE;
}

gboolean
mosquitto_read_file (MosquittoImport      *self,
           const char  *path,
           GError     **error)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (++self->n_files > MAX_FILES)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "%s: more than %d files are included", path, MAX_FILES);
      return FALSE;
    }
  if (!g_file_get_contents (path, &text, NULL, error))
    return FALSE;
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      char *line = g_strstrip (lines[i]);

      if (*line == '\0' || *line == '#')
        continue;
      if (!g_utf8_validate (line, -1, NULL) || strlen (line) > MAX_LINE_LEN)
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "%s:%u: not a line of text", path, i + 1);
          return FALSE;
        }
      if (!take_line (self, path, i + 1, line, error))
        return FALSE;
    }
  return TRUE;
}
