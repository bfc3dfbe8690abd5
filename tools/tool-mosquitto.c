/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser config import mosquitto: three steps. Reading makes global settings, listeners and connections out of lines, as
 * mosquitto.conf(5) says which line belongs to what; the ACL file becomes two rules, one for publishing and one for subscribing; writing
 * goes over what was read, group by group. A setting that nobody wrote from is told at the end, with its place. */

#include "tool-mosquitto.h"

#include <errno.h>
#include <fcntl.h>
#include <hawser/hawser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FILES 1000               /* include_dir; ours, against a circle of links */
#define MAX_LINE_LEN 65536           /* bytes */

typedef struct {
  char *key;
  char *value;
  char *place;                       /* FILE:LINE */
  gboolean is_used;
} Setting;

/* The settings of one listener, of one connection, or of the whole. */
typedef struct {
  char *name;
  GPtrArray *settings;               /* of Setting, in order */
} Section;

typedef struct {
  const ToolMosquittoOptions *options;
  GPtrArray *notes;
  Section *whole;
  GPtrArray *listeners;              /* of Section; the first may be the one that has no listener line */
  GPtrArray *connections;            /* of Section */
  Section *listener;                 /* lines go there now */
  Section *connection;
  gboolean is_per_listener;
  guint n_files;
  GString *out;
  GString *listener_out;             /* comes after the policies */
  GHashTable *identities;            /* path of a password file to name of a group */
  gboolean has_acl;
  GString *may_read, *may_write;     /* terms of the listeners' rules */
} Import;

/* ---- What was read ---- */

static void
setting_free (gpointer data)
{
  Setting *setting = data;

  g_free (setting->key);
  g_free (setting->value);
  g_free (setting->place);
  g_free (setting);
}

static Section *
section_new (const char *name)
{
  Section *section = g_new0 (Section, 1);

  section->name = g_strdup (name);
  section->settings = g_ptr_array_new_with_free_func (setting_free);
  return section;
}

static void
section_free (gpointer data)
{
  Section *section = data;

  g_ptr_array_unref (section->settings);
  g_free (section->name);
  g_free (section);
}

static void
note (Import     *self,
      const char *place,
      const char *format,
      ...) G_GNUC_PRINTF (3, 4);

static void
note (Import     *self,
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
static Setting *
find (Section    *section,
      const char *key)
{
  Setting *found = NULL;

  for (guint i = 0; section != NULL && i < section->settings->len; i++)
    {
      Setting *setting = section->settings->pdata[i];

      if (strcmp (setting->key, key) != 0)
        continue;
      setting->is_used = TRUE;
      found = setting;
    }
  return found;
}

static const char *
get (Section    *section,
     const char *key)
{
  Setting *setting = find (section, key);

  return setting != NULL ? setting->value : NULL;
}

static gboolean
is_true (const char *value)
{
  return g_strcmp0 (value, "true") == 0 || g_strcmp0 (value, "1") == 0;
}

/* ---- Reading: which line belongs to what ---- */

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

static Section *
implicit_listener (Import *self)
{
  if (self->listener == NULL)
    {
      self->listener = section_new ("");
      g_ptr_array_insert (self->listeners, 0, self->listener);
    }
  return self->listener;
}

static Section *
find_home (Import     *self,
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

static gboolean read_file (Import *self, const char *path, GError **error);

static gboolean
read_directory (Import      *self,
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
    if (!read_file (self, names->pdata[i], error))
      return FALSE;
  return TRUE;
}

static gboolean
take_line (Import      *self,
           const char  *path,
           guint        number,
           char        *line,
           GError     **error)
{
  g_autofree char *place = g_strdup_printf ("%s:%u", path, number);
  char *value = line + strcspn (line, " \t");
  Section *home;
  Setting *setting;

  if (*value != '\0')
    *value++ = '\0';
  g_strstrip (value);
  if (strcmp (line, "include_dir") == 0)
    return read_directory (self, value, error);
  if (strcmp (line, "listener") == 0)
    {
      self->listener = section_new (value);
      self->connection = NULL;
      g_ptr_array_add (self->listeners, self->listener);
      return TRUE;
    }
  if (strcmp (line, "connection") == 0)
    {
      self->connection = section_new (value);
      g_ptr_array_add (self->connections, self->connection);
      return TRUE;
    }
  if (strcmp (line, "per_listener_settings") == 0)
    {
      self->is_per_listener = is_true (value);
      return TRUE;
    }
  if (strcmp (line, "protocol") == 0 && strcmp (value, "mqtt") == 0 && self->listener == NULL)
    return TRUE; /* says nothing: it makes no listener */
  home = find_home (self, line);
  if (home == NULL)
    {
      note (self, place, "%s: stands before any connection", line);
      return TRUE;
    }
  setting = g_new0 (Setting, 1);
  setting->key = g_strdup (line);
  setting->value = g_strdup (value);
  setting->place = g_steal_pointer (&place);
  g_ptr_array_add (home->settings, setting);
  return TRUE;
}

static gboolean
read_file (Import      *self,
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

/* ---- Rights: an ACL file as terms of a rule ---- */

typedef struct {
  GString *read, *write;             /* what is allowed, with "or" */
  GString *no_read, *no_write;       /* what is not */
} Rights;

static void
rights_init (Rights *self)
{
  self->read = g_string_new (NULL);
  self->write = g_string_new (NULL);
  self->no_read = g_string_new (NULL);
  self->no_write = g_string_new (NULL);
}

static void
rights_clear (Rights *self)
{
  g_string_free (self->read, TRUE);
  g_string_free (self->write, TRUE);
  g_string_free (self->no_read, TRUE);
  g_string_free (self->no_write, TRUE);
}

/* Text between the quotes of a rule; @is_pattern: of a pattern, in which some characters mean something. */
static void
append_text (GString    *out,
             const char *text,
             gboolean    is_pattern,
             gboolean    substitutes)
{
  for (const char *p = text; *p != '\0'; p++)
    if (substitutes && p[0] == '%' && p[1] == 'c')
      {
        g_string_append (out, "{client-id}");
        p++;
      }
    else if (substitutes && p[0] == '%' && p[1] == 'u')
      {
        g_string_append (out, "{principal}");
        p++;
      }
    else if (*p == '"')
      g_string_append (out, "\\\"");
    else if (*p == '\\')
      g_string_append (out, is_pattern ? "\\\\\\\\" : "\\\\");
    else if (is_pattern && strchr ("*?{}", *p) != NULL)
      g_string_append_printf (out, "\\\\%c", *p);
    else if (*p == '$')
      g_string_append (out, "$$");
    else
      g_string_append_c (out, *p);
}

static void
append_term (GString    *out,
             const char *term)
{
  g_string_append_printf (out, "%s%s", out->len > 0 ? " or " : "", term);
}

/* @user: NULL for everybody (a pattern), "" for who has no name. */
static void
take_right (Import     *self,
            Rights     *rights,
            const char *place,
            const char *user,
            gboolean    is_pattern,
            char       *rest)
{
  static const struct { const char *word; gboolean reads, writes, denies; } kinds[] = {
    { "readwrite ", TRUE, TRUE, FALSE }, { "read ", TRUE, FALSE, FALSE }, { "write ", FALSE, TRUE, FALSE }, { "deny ", TRUE, TRUE, TRUE },
  };
  gboolean reads = TRUE, writes = TRUE, denies = FALSE;
  g_autoptr (GString) term = g_string_new ("(");
  g_autoptr (HawserTopicFilter) filter = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (g_str_has_prefix (rest, kinds[i].word))
      {
        reads = kinds[i].reads;
        writes = kinds[i].writes;
        denies = kinds[i].denies;
        rest = g_strstrip (rest + strlen (kinds[i].word));
        break;
      }
  filter = hawser_topic_filter_new (rest, NULL);
  if (filter == NULL)
    {
      note (self, place, "'%s' is not a topic filter; the line is left out", rest);
      return;
    }
  if (user != NULL && *user == '\0')
    g_string_append (term, "not principal exists and ");
  else if (user != NULL)
    {
      g_string_append (term, "principal == \"");
      append_text (term, user, FALSE, FALSE);
      g_string_append (term, "\" and ");
    }
  g_string_append (term, "topic ~ \"");
  append_text (term, rest, TRUE, is_pattern);
  g_string_append (term, "\")");
  if (reads)
    append_term (denies ? rights->no_read : rights->read, term->str);
  if (writes)
    append_term (denies ? rights->no_write : rights->write, term->str);
}

static gboolean
read_acl (Import      *self,
          const char  *path,
          Rights      *rights,
          GError     **error)
{
  g_autofree char *text = NULL, *user = g_strdup ("");
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents (path, &text, NULL, error))
    return FALSE;
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      char *line = g_strstrip (lines[i]), *rest = line + strcspn (line, " \t");
      g_autofree char *place = g_strdup_printf ("%s:%u", path, i + 1);

      if (*line == '\0' || *line == '#')
        continue;
      if (!g_utf8_validate (line, -1, NULL))
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "%s: not a line of text", place);
          return FALSE;
        }
      if (*rest != '\0')
        *rest++ = '\0';
      g_strstrip (rest);
      if (strcmp (line, "user") == 0)
        {
          g_free (user);
          user = g_strdup (rest);
        }
      else if (strcmp (line, "topic") == 0)
        take_right (self, rights, place, user, FALSE, rest);
      else if (strcmp (line, "pattern") == 0)
        take_right (self, rights, place, NULL, TRUE, rest);
      else
        note (self, place, "'%s' is not a line of an ACL file that is known", line);
    }
  return TRUE;
}

static void
append_rule (GString    *out,
             GString    *allow,
             GString    *deny,
             const char *listener)
{
  if (out->len > 0)
    g_string_append (out, " or ");
  g_string_append_c (out, '(');
  if (listener != NULL)
    g_string_append_printf (out, "listener == \"%s\" and ", listener);
  g_string_append_printf (out, "(%s)", allow->len > 0 ? allow->str : "false");
  if (deny->len > 0)
    g_string_append_printf (out, " and not (%s)", deny->str);
  g_string_append_c (out, ')');
}

/* @listener: NULL: of all. */
static gboolean
take_acl (Import      *self,
          const char  *path,
          const char  *listener,
          GError     **error)
{
  Rights rights;
  gboolean is_read;

  rights_init (&rights);
  is_read = path == NULL || read_acl (self, path, &rights, error);
  if (is_read && path != NULL)
    {
      self->has_acl = TRUE;
      append_rule (self->may_read, rights.read, rights.no_read, listener);
      append_rule (self->may_write, rights.write, rights.no_write, listener);
    }
  else if (is_read)
    {
      g_autoptr (GString) all = g_string_new ("true"), none = g_string_new (NULL);

      append_rule (self->may_read, all, none, listener);
      append_rule (self->may_write, all, none, listener);
    }
  rights_clear (&rights);
  return is_read;
}

/* ---- Writing ---- */

/* A value as our format reads it: a dollar is doubled. */
static void
emit (GString    *out,
      const char *key,
      const char *value)
{
  g_string_append_printf (out, "%s=", key);
  for (const char *p = value; *p != '\0'; p++)
    g_string_append (out, *p == '$' ? "$$" : ((char[]) { *p, '\0' }));
  g_string_append_c (out, '\n');
}

static void
emit_if (GString    *out,
         const char *key,
         const char *value)
{
  if (value != NULL && *value != '\0')
    emit (out, key, value);
}

/* A number that means "no limit" when it is 0 or below has no key. */
static void
emit_limit (GString    *out,
            const char *key,
            const char *value)
{
  if (value != NULL && g_ascii_strtoll (value, NULL, 10) > 0)
    emit (out, key, value);
}

static void
emit_seconds (GString    *out,
              const char *key,
              const char *value)
{
  if (value != NULL && g_ascii_strtoll (value, NULL, 10) > 0)
    g_string_append_printf (out, "%s=%" G_GINT64_FORMAT "s\n", key, g_ascii_strtoll (value, NULL, 10));
}

/* 14d, 2w, 3m, 1y, 5h as mosquitto writes it. */
static void
emit_expiry (GString    *out,
             Setting    *setting,
             Import     *self)
{
  static const struct { char unit; guint hours; } units[] = { { 'h', 1 }, { 'd', 24 }, { 'w', 168 }, { 'm', 720 }, { 'y', 8760 } };
  char *end;
  gint64 n;

  if (setting == NULL)
    return;
  n = g_ascii_strtoll (setting->value, &end, 10);
  for (gsize i = 0; i < G_N_ELEMENTS (units); i++)
    if (n > 0 && n < 1000000 && *end == units[i].unit)
      {
        g_string_append_printf (out, "session-expiry-maximum=%" G_GINT64_FORMAT "h\n", n * units[i].hours);
        return;
      }
  note (self, setting->place, "persistent_client_expiration %s: not understood", setting->value);
}

static char *
make_listener_name (Import  *self,
                    Section *listener,
                    guint    index)
{
  const char *protocol = get (listener, "protocol");
  gboolean is_encrypted = get (listener, "certfile") != NULL || get (listener, "psk_hint") != NULL;
  const char *base = g_strcmp0 (protocol, "websockets") == 0 ? (is_encrypted ? "wss" : "ws") : is_encrypted ? "mqtts" : "mqtt";

  for (guint i = 0; i < index; i++)
    {
      g_autofree char *other = make_listener_name (self, self->listeners->pdata[i], 0);

      if (g_str_equal (other, base))
        return g_strdup_printf ("%s-%u", base, index + 1);
    }
  return g_strdup (base);
}

/* What `listener PORT [ADDRESS]` or `port` and `bind_address` say, and whether others than this machine reach it. */
static char *
make_address (Section  *listener,
              gboolean *out_is_outside)
{
  g_auto (GStrv) words = g_strsplit_set (listener->name, " \t", 2);
  const char *port = words[0] != NULL && *words[0] != '\0' ? words[0] : get (listener, "port");
  const char *host = words[0] != NULL && words[1] != NULL ? g_strstrip (words[1]) : get (listener, "bind_address");
  const char *domain = get (listener, "socket_domain");
  gboolean is_encrypted = get (listener, "certfile") != NULL;
  gboolean is_web = g_strcmp0 (get (listener, "protocol"), "websockets") == 0;
  g_autofree char *literal = NULL;

  if (g_strcmp0 (port, "0") == 0 && host != NULL)
    {
      *out_is_outside = FALSE;
      return g_strdup_printf ("unix:%s", host);
    }
  if (host == NULL)
    host = g_strcmp0 (domain, "ipv6") == 0 ? "::" : "0.0.0.0";
  *out_is_outside = !g_str_has_prefix (host, "127.") && strcmp (host, "::1") != 0 && strcmp (host, "localhost") != 0;
  literal = strchr (host, ':') != NULL ? g_strdup_printf ("[%s]", host) : g_strdup (strcmp (host, "localhost") == 0 ? "127.0.0.1" : host);
  return g_strdup_printf ("%s:%s:%s%s", is_web ? (is_encrypted ? "wss" : "ws") : "tcp", literal, port != NULL ? port : "1883", is_web ? "/mqtt" : "");
}

static void
write_tls (Import     *self,
           Section    *listener,
           const char *name)
{
  Setting *version = find (listener, "tls_version"), *capath = find (listener, "capath");
  const char *ca = get (listener, "cafile"), *ciphers = get (listener, "ciphers");

  g_string_append_printf (self->out, "[tls %s]\n", name);
  emit_if (self->out, "certificate-file", get (listener, "certfile"));
  emit_if (self->out, "private-key-file", get (listener, "keyfile"));
  if (is_true (get (listener, "require_certificate")))
    {
      emit_if (self->out, "client-ca-file", ca);
      g_string_append (self->out, ca != NULL ? "client-auth=require\n" : "");
      if (ca == NULL)
        note (self, capath != NULL ? capath->place : listener->name, "require_certificate: client-ca-file= wants one file of certificates; the listener asks for none now");
    }
  else if (capath != NULL)
    note (self, capath->place, "capath: nothing is checked against it here");
  emit_if (self->out, "crl-file", get (listener, "crlfile"));
  emit_if (self->out, "ciphers", ciphers);
  emit_if (self->out, "ciphersuites", get (listener, "ciphers_tls1.3"));
  if (version != NULL && strcmp (version->value, "tlsv1.3") == 0)
    g_string_append (self->out, "minimum-version=1.3\n");
  else if (version != NULL && strcmp (version->value, "tlsv1.2") != 0)
    note (self, version->place, "tls_version %s: the oldest here is 1.2", version->value);
  g_string_append_c (self->out, '\n');
}

/* Name of the identity group of a password file. */
static const char *
use_passwords (Import     *self,
               const char *path)
{
  char *name = g_hash_table_lookup (self->identities, path);

  if (name == NULL)
    {
      guint n = g_hash_table_size (self->identities);

      name = n == 0 ? g_strdup ("passwords") : g_strdup_printf ("passwords-%u", n + 1);
      g_hash_table_insert (self->identities, g_strdup (path), name);
      g_string_append_printf (self->out, "[identity %s]\ntype=password\n", name);
      emit (self->out, "password-file", path);
      g_string_append_c (self->out, '\n');
    }
  return name;
}

static void
write_limits (Import  *self,
              Section *listener,
              GString *out)
{
  emit_limit (out, "max-connections", get (listener, "max_connections"));
  emit_if (out, "maximum-qos", get (listener, "max_qos"));
  emit_if (out, "topic-alias-maximum", get (listener, "max_topic_alias"));
  emit_limit (out, "max-inflight", get (self->whole, "max_inflight_messages"));
  emit_limit (out, "max-queued-messages", get (self->whole, "max_queued_messages"));
  emit_limit (out, "max-queued-bytes", get (self->whole, "max_queued_bytes"));
  emit_limit (out, "max-packet-size", get (self->whole, "max_packet_size"));
  emit_seconds (out, "keep-alive-maximum", get (self->whole, "max_keepalive"));
  if (g_strcmp0 (get (self->whole, "retain_available"), "false") == 0)
    g_string_append (out, "retain-available=false\n");
  emit_expiry (out, find (self->whole, "persistent_client_expiration"), self);
}

static gboolean
write_listener (Import   *self,
                guint     index,
                GError  **error)
{
  Section *listener = self->listeners->pdata[index], *rules = self->is_per_listener ? listener : self->whole;
  g_autofree char *name = make_listener_name (self, listener, index), *address = NULL;
  const char *passwords = get (rules, "password_file"), *anonymous = get (rules, "allow_anonymous");
  gboolean is_outside = FALSE, is_anonymous = is_true (anonymous);
  gboolean by_certificate = is_true (get (listener, "use_identity_as_username")) || is_true (get (listener, "use_subject_as_username"));
  GString *out = self->listener_out;
  g_autoptr (GString) identities = g_string_new (NULL);

  address = make_address (listener, &is_outside);
  if (get (listener, "certfile") != NULL)
    write_tls (self, listener, name);
  if (by_certificate)
    {
      gboolean by_subject = is_true (get (listener, "use_subject_as_username"));

      g_string_append_printf (self->out, "[identity certificates-%s]\ntype=x509\n%s\n", name, by_subject ? "id-claim=x509.subject\n" : "");
      g_string_append_printf (identities, "certificates-%s;", name);
    }
  if (passwords != NULL)
    g_string_append_printf (identities, "%s;", use_passwords (self, passwords));

  g_string_append_printf (out, "[listener %s]\ntype=mqtt\n", name);
  emit (out, "address", address);
  if (get (listener, "certfile") != NULL)
    emit (out, "tls", name);
  if (identities->len > 0)
    emit (out, "identities", identities->str);
  if (is_anonymous)
    g_string_append (out, "anonymous=allow\n");
  else if (identities->len == 0)
    {
      g_string_append (out, "enabled=false\n");
      note (self, name, "nobody could connect to this listener: no allow_anonymous true, no password_file, no certificates; it is written with enabled=false");
    }
  emit_if (out, "mount-point", get (listener, "mount_point"));
  write_limits (self, listener, out);
  g_string_append_c (out, '\n');
  if (!self->is_per_listener)
    return TRUE;
  return take_acl (self, get (listener, "acl_file"), name, error);
}

static void
write_rights (Import *self)
{
  g_string_append_printf (self->out, "[policy may-publish]\nallow=%s\n\n[policy may-subscribe]\nallow=%s\n\n", self->has_acl ? self->may_write->str : "true",
                          self->has_acl ? self->may_read->str : "true");
  g_string_append (self->out, "[topic #]\ncreate=auto\npublish-policy=may-publish\nsubscribe-policy=may-subscribe\n\n"
                   "[topic $SYS/#]\ncreate=auto\nsubscribe-policy=may-subscribe\n\n");
}

/* ---- Bridges ---- */

static char *
make_rule (Import   *self,
           Setting  *setting,
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
      note (self, setting->place, "topic %s: a semicolon in a topic of a bridge cannot be written here", setting->value);
      g_clear_pointer (out_direction, g_free);
      return NULL;
    }
  return g_string_free (g_steal_pointer (&rule), FALSE);
}

static void
write_bridge_topics (Import  *self,
                     Section *connection)
{
  static const char * const directions[] = { "in", "out", "both" };

  for (gsize d = 0; d < G_N_ELEMENTS (directions); d++)
    {
      g_autoptr (GString) list = g_string_new (NULL);

      for (guint i = 0; i < connection->settings->len; i++)
        {
          Setting *setting = connection->settings->pdata[i];
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
write_password (Import      *self,
                Section     *connection,
                GError     **error)
{
  Setting *setting = find (connection, "remote_password");
  g_autofree char *path = NULL, *file = NULL;
  int fd;

  if (setting == NULL)
    setting = find (connection, "password");
  if (setting == NULL)
    return TRUE;
  if (self->options->secrets_dir == NULL)
    {
      note (self, setting->place, "%s: a configuration holds no secrets; write it to a file of mode 600 and name that by password-file= in [bridge %s], or import with --secrets DIR",
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
  emit (self->out, "password-file", path);
  return TRUE;
}

static void
write_bridge_address (Import  *self,
                      Section *connection)
{
  const char *addresses = get (connection, "addresses") != NULL ? get (connection, "addresses") : get (connection, "address");
  gboolean is_encrypted = get (connection, "bridge_cafile") != NULL || find (connection, "bridge_capath") != NULL;
  g_auto (GStrv) words = g_strsplit_set (addresses != NULL ? addresses : "", " \t", -1);
  g_autoptr (GString) list = g_string_new (NULL);

  for (guint i = 0; words[i] != NULL; i++)
    if (*words[i] != '\0')
      g_string_append_printf (list, "%s://%s%s;", is_encrypted ? "mqtts" : "mqtt", words[i], strrchr (words[i], ':') == NULL ? ":1883" : "");
  emit (self->out, "address", list->str);
}

static gboolean
write_bridge (Import   *self,
              Section  *connection,
              GError  **error)
{
  const char *version = get (connection, "bridge_protocol_version"), *user = get (connection, "remote_username");
  const char *id = get (connection, "remote_clientid"), *pause = get (connection, "restart_timeout");
  GString *out = self->out;

  g_string_append_printf (out, "[bridge %s]\ntype=mqtt\n", connection->name);
  write_bridge_address (self, connection);
  g_string_append_printf (out, "protocol-version=%s\n", g_strcmp0 (version, "mqttv50") == 0 ? "5" : g_strcmp0 (version, "mqttv31") == 0 ? "3.1" : "3.1.1");
  emit_if (out, "client-id", id != NULL ? id : get (connection, "clientid"));
  user = user != NULL ? user : get (connection, "username");
  emit_if (out, "user", user);
  if (!write_password (self, connection, error))
    return FALSE;
  emit_if (out, "ca-file", get (connection, "bridge_cafile"));
  emit_if (out, "certificate-file", get (connection, "bridge_certfile"));
  emit_if (out, "private-key-file", get (connection, "bridge_keyfile"));
  if (is_true (get (connection, "bridge_insecure")))
    g_string_append (out, "verify=false\n");
  if (is_true (get (connection, "cleansession")))
    g_string_append (out, "clean-session=true\n");
  emit_seconds (out, "keep-alive", get (connection, "keepalive_interval"));
  emit_limit (out, "max-packet-size", get (connection, "bridge_max_packet_size"));
  emit_limit (out, "max-in-flight", get (self->whole, "max_inflight_messages"));
  if (pause != NULL)
    {
      g_auto (GStrv) words = g_strsplit (pause, " ", 2);

      emit_seconds (out, "retry-initial", words[0]);
      emit_seconds (out, "retry-maximum", words[1] != NULL ? words[1] : words[0]);
    }
  write_bridge_topics (self, connection);
  g_string_append_c (out, '\n');
  return TRUE;
}

/* ---- The whole ---- */

/* Settings that need no word: they hold here anyway, or say how mosquitto does it and not what. */
static const char * const silent_keys[] = {
  "allow_duplicate_messages", "autosave_interval", "autosave_on_changes", "connection_messages", "log_timestamp", "log_timestamp_format", "persistence_file",
  "persistence_location", "pid_file", "set_tcp_nodelay", "sys_interval", "upgrade_outgoing_qos", "user", "websockets_log_level",
  "websockets_headers_size", "try_private", "bridge_attempt_unsubscribe", "dhparamfile", "retry_interval", "store_clean_interval",
  "log_facility", "local_clientid", "local_cleansession", "threshold", "check_retain_source", "keepalive_interval", NULL
};

static const struct { const char *key; const char *word; } words_for[] = {
  { "psk_file", "write the keys into a file of their own and name it in an [identity] of type=psk" },
  { "plugin", "plugins of mosquitto cannot be used" },
  { "auth_plugin", "plugins of mosquitto cannot be used" },
  { "clientid_prefixes", "say it in the policies: client-id ~ \"PREFIX*\"" },
  { "http_dir", "a [listener] of type=http serves files by static=" },
  { "notifications", "the state of a bridge is told by hawser bridge list and in the metrics" },
  { "log_dest", "the log goes to the journal or stderr" },
  { "memory_limit", "see max-memory in [hawser]" },
  { "use_username_as_clientid", "sessions belong to the user here: the client ids of two users never meet" },
};

static void
note_unused (Import  *self,
             Section *section)
{
  for (guint i = 0; i < section->settings->len; i++)
    {
      Setting *setting = section->settings->pdata[i];
      const char *word = "has no counterpart";

      if (setting->is_used || g_strv_contains (silent_keys, setting->key) || (strcmp (setting->key, "notifications") == 0 && !is_true (setting->value)))
        continue;
      for (gsize w = 0; w < G_N_ELEMENTS (words_for); w++)
        if (strcmp (words_for[w].key, setting->key) == 0)
          word = words_for[w].word;
      note (self, setting->place, "%s %s: %s", setting->key, strstr (setting->key, "password") != NULL ? "…" : setting->value, word);
    }
}

static void
write_whole (Import *self)
{
  Setting *persistence = find (self->whole, "persistence");
  gboolean is_debug = FALSE;

  g_string_append (self->out, "[hawser]\n");
  if (persistence != NULL && is_true (persistence->value))
    {
      emit (self->out, "state-dir", self->options->state_dir);
      note (self, persistence->place, "persistence: what mosquitto.db holds stays there; sessions, queued and retained messages begin anew in %s", self->options->state_dir);
    }
  emit_limit (self->out, "max-message-size", get (self->whole, "message_size_limit"));
  for (guint i = 0; i < self->whole->settings->len; i++)
    {
      Setting *setting = self->whole->settings->pdata[i];

      if (strcmp (setting->key, "log_type") == 0)
        {
          setting->is_used = TRUE;
          is_debug |= strcmp (setting->value, "debug") == 0 || strcmp (setting->value, "all") == 0;
        }
    }
  g_string_append_printf (self->out, "\n%s", is_debug ? "[log]\nlevel=debug\n\n" : "");
}

static gboolean
write_all (Import  *self,
           GError **error)
{
  write_whole (self);
  if (self->listeners->len == 0)
    {
      /* mosquitto(8): without a listener it is for this machine alone, and open */
      Section *local = section_new ("1883 127.0.0.1");
      Setting *open = g_new0 (Setting, 1);

      open->key = g_strdup ("allow_anonymous");
      open->value = g_strdup ("true");
      open->place = g_strdup ("-");
      g_ptr_array_add (self->listeners, local);
      if (find (self->whole, "allow_anonymous") == NULL || self->is_per_listener)
        g_ptr_array_add ((self->is_per_listener ? local : self->whole)->settings, open);
      else
        setting_free (open);
    }
  for (guint i = 0; i < self->listeners->len; i++)
    if (!write_listener (self, i, error))
      return FALSE;
  if (!self->is_per_listener && get (self->whole, "acl_file") != NULL && !take_acl (self, get (self->whole, "acl_file"), NULL, error))
    return FALSE;
  write_rights (self);
  g_string_append (self->out, self->listener_out->str);
  for (guint i = 0; i < self->connections->len; i++)
    if (!write_bridge (self, self->connections->pdata[i], error))
      return FALSE;
  note_unused (self, self->whole);
  for (guint i = 0; i < self->listeners->len; i++)
    note_unused (self, self->listeners->pdata[i]);
  for (guint i = 0; i < self->connections->len; i++)
    note_unused (self, self->connections->pdata[i]);
  return TRUE;
}

char *
tool_mosquitto_import (const char                  *path,
                       const ToolMosquittoOptions  *options,
                       GPtrArray                   *notes,
                       GError                     **error)
{
  Import self = { .options = options, .notes = notes };
  gboolean is_done;

  self.whole = section_new ("");
  self.listeners = g_ptr_array_new_with_free_func (section_free);
  self.connections = g_ptr_array_new_with_free_func (section_free);
  self.out = g_string_new (NULL);
  self.listener_out = g_string_new (NULL);
  self.identities = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self.may_read = g_string_new (NULL);
  self.may_write = g_string_new (NULL);
  g_string_append_printf (self.out, "# Made from %s by hawser config import mosquitto.\n\n", path);
  is_done = read_file (&self, path, error) && write_all (&self, error);
  section_free (self.whole);
  g_ptr_array_unref (self.listeners);
  g_ptr_array_unref (self.connections);
  g_string_free (self.listener_out, TRUE);
  g_hash_table_unref (self.identities);
  g_string_free (self.may_read, TRUE);
  g_string_free (self.may_write, TRUE);
  return g_string_free (self.out, !is_done);
}
