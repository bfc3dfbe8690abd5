/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser config import mosquitto: three steps. Reading (tool-mosquitto-read.c) makes global settings, listeners and connections out of
 * lines; the ACL file becomes two rules (tool-mosquitto-acl.c), one for publishing and one for subscribing; writing goes over what was
 * read, group by group, bridges in tool-mosquitto-bridge.c. A setting that nobody wrote from is told at the end, with its place. */

#include "tool-mosquitto-private.h"

#include <string.h>

/* A value as our format reads it: a dollar is doubled. */
void
mosquitto_emit (GString    *out,
      const char *key,
      const char *value)
{
  g_string_append_printf (out, "%s=", key);
  for (const char *p = value; *p != '\0'; p++)
    g_string_append (out, *p == '$' ? "$$" : ((char[]) { *p, '\0' }));
  g_string_append_c (out, '\n');
}

void
mosquitto_emit_if (GString    *out,
         const char *key,
         const char *value)
{
  if (value != NULL && *value != '\0')
    mosquitto_emit (out, key, value);
}

/* A number that means "no limit" when it is 0 or below has no key. */
void
mosquitto_emit_limit (GString    *out,
            const char *key,
            const char *value)
{
  if (value != NULL && g_ascii_strtoll (value, NULL, 10) > 0)
    mosquitto_emit (out, key, value);
}

void
mosquitto_emit_seconds (GString    *out,
              const char *key,
              const char *value)
{
  if (value != NULL && g_ascii_strtoll (value, NULL, 10) > 0)
    g_string_append_printf (out, "%s=%" G_GINT64_FORMAT "s\n", key, g_ascii_strtoll (value, NULL, 10));
}

/* 14d, 2w, 3m, 1y, 5h as mosquitto writes it. */
static void
emit_expiry (GString    *out,
             MosquittoSetting    *setting,
             MosquittoImport     *self)
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
  mosquitto_note (self, setting->place, "persistent_client_expiration %s: not understood", setting->value);
}

static char *
make_listener_name (MosquittoImport  *self,
                    MosquittoSection *listener,
                    guint    index)
{
  const char *protocol = mosquitto_get (listener, "protocol");
  gboolean is_encrypted = mosquitto_get (listener, "certfile") != NULL || mosquitto_get (listener, "psk_hint") != NULL;
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
make_address (MosquittoSection  *listener,
              gboolean *out_is_outside)
{
  g_auto (GStrv) words = g_strsplit_set (listener->name, " \t", 2);
  const char *port = words[0] != NULL && *words[0] != '\0' ? words[0] : mosquitto_get (listener, "port");
  const char *host = words[0] != NULL && words[1] != NULL ? g_strstrip (words[1]) : mosquitto_get (listener, "bind_address");
  const char *domain = mosquitto_get (listener, "socket_domain");
  gboolean is_encrypted = mosquitto_get (listener, "certfile") != NULL;
  gboolean is_web = g_strcmp0 (mosquitto_get (listener, "protocol"), "websockets") == 0;
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
write_tls (MosquittoImport     *self,
           MosquittoSection    *listener,
           const char *name)
{
  MosquittoSetting *version = mosquitto_find (listener, "tls_version"), *capath = mosquitto_find (listener, "capath");
  const char *ca = mosquitto_get (listener, "cafile"), *ciphers = mosquitto_get (listener, "ciphers");

  g_string_append_printf (self->out, "[tls %s]\n", name);
  mosquitto_emit_if (self->out, "certificate-file", mosquitto_get (listener, "certfile"));
  mosquitto_emit_if (self->out, "private-key-file", mosquitto_get (listener, "keyfile"));
  if (mosquitto_is_true (mosquitto_get (listener, "require_certificate")))
    {
      mosquitto_emit_if (self->out, "client-ca-file", ca);
      g_string_append (self->out, ca != NULL ? "client-auth=require\n" : "");
      if (ca == NULL)
        mosquitto_note (self, capath != NULL ? capath->place : listener->name, "require_certificate: client-ca-file= wants one file of certificates; the listener asks for none now");
      else if (capath != NULL)
        mosquitto_note (self, capath->place, "capath: client-ca-file= is one file, and cafile is it");
    }
  else if (capath != NULL)
    mosquitto_note (self, capath->place, "capath: nothing is checked against it here");
  mosquitto_emit_if (self->out, "crl-file", mosquitto_get (listener, "crlfile"));
  mosquitto_emit_if (self->out, "ciphers", ciphers);
  mosquitto_emit_if (self->out, "ciphersuites", mosquitto_get (listener, "ciphers_tls1.3"));
  if (version != NULL && strcmp (version->value, "tlsv1.3") == 0)
    g_string_append (self->out, "minimum-version=1.3\n");
  else if (version != NULL && strcmp (version->value, "tlsv1.2") != 0)
    mosquitto_note (self, version->place, "tls_version %s: the oldest here is 1.2", version->value);
  g_string_append_c (self->out, '\n');
}

/* Name of the identity group of a password file. */
static const char *
use_passwords (MosquittoImport     *self,
               const char *path)
{
  char *name = g_hash_table_lookup (self->identities, path);

  if (name == NULL)
    {
      guint n = g_hash_table_size (self->identities);

      name = n == 0 ? g_strdup ("passwords") : g_strdup_printf ("passwords-%u", n + 1);
      g_hash_table_insert (self->identities, g_strdup (path), name);
      g_string_append_printf (self->out, "[identity %s]\ntype=password\n", name);
      mosquitto_emit (self->out, "password-file", path);
      g_string_append_c (self->out, '\n');
    }
  return name;
}

static void
write_limits (MosquittoImport  *self,
              MosquittoSection *listener,
              GString *out)
{
  mosquitto_emit_limit (out, "max-connections", mosquitto_get (listener, "max_connections"));
  mosquitto_emit_if (out, "maximum-qos", mosquitto_get (listener, "max_qos"));
  mosquitto_emit_if (out, "topic-alias-maximum", mosquitto_get (listener, "max_topic_alias"));
  mosquitto_emit_limit (out, "max-inflight", mosquitto_get (self->whole, "max_inflight_messages"));
  mosquitto_emit_limit (out, "max-queued-messages", mosquitto_get (self->whole, "max_queued_messages"));
  mosquitto_emit_limit (out, "max-queued-bytes", mosquitto_get (self->whole, "max_queued_bytes"));
  mosquitto_emit_limit (out, "max-packet-size", mosquitto_get (self->whole, "max_packet_size"));
  mosquitto_emit_seconds (out, "keep-alive-maximum", mosquitto_get (self->whole, "max_keepalive"));
  if (g_strcmp0 (mosquitto_get (self->whole, "retain_available"), "false") == 0)
    g_string_append (out, "retain-available=false\n");
  emit_expiry (out, mosquitto_find (self->whole, "persistent_client_expiration"), self);
}

static gboolean
write_listener (MosquittoImport   *self,
                guint     index,
                GError  **error)
{
  MosquittoSection *listener = self->listeners->pdata[index], *rules = self->is_per_listener ? listener : self->whole;
  g_autofree char *name = make_listener_name (self, listener, index), *address = NULL;
  const char *passwords = mosquitto_get (rules, "password_file"), *anonymous = mosquitto_get (rules, "allow_anonymous");
  gboolean is_outside = FALSE, is_anonymous = mosquitto_is_true (anonymous);
  gboolean by_certificate = mosquitto_is_true (mosquitto_get (listener, "use_identity_as_username")) || mosquitto_is_true (mosquitto_get (listener, "use_subject_as_username"));
  GString *out = self->listener_out;
  g_autoptr (GString) identities = g_string_new (NULL);

  address = make_address (listener, &is_outside);
  if (mosquitto_get (listener, "certfile") != NULL)
    write_tls (self, listener, name);
  if (by_certificate)
    {
      gboolean by_subject = mosquitto_is_true (mosquitto_get (listener, "use_subject_as_username"));

      g_string_append_printf (self->out, "[identity certificates-%s]\ntype=x509\n%s\n", name, by_subject ? "id-claim=x509.subject\n" : "");
      g_string_append_printf (identities, "certificates-%s;", name);
    }
  if (passwords != NULL)
    g_string_append_printf (identities, "%s;", use_passwords (self, passwords));

  g_string_append_printf (out, "[listener %s]\ntype=mqtt\n", name);
  mosquitto_emit (out, "address", address);
  if (mosquitto_get (listener, "certfile") != NULL)
    mosquitto_emit (out, "tls", name);
  if (identities->len > 0)
    mosquitto_emit (out, "identities", identities->str);
  if (is_anonymous)
    g_string_append (out, "anonymous=allow\n");
  else if (identities->len == 0)
    {
      g_string_append (out, "enabled=false\n");
      mosquitto_note (self, name, "nobody could connect to this listener: no allow_anonymous true, no password_file, no certificates; it is written with enabled=false");
    }
  mosquitto_emit_if (out, "mount-point", mosquitto_get (listener, "mount_point"));
  write_limits (self, listener, out);
  g_string_append_c (out, '\n');
  if (!self->is_per_listener)
    return TRUE;
  return mosquitto_take_acl (self, mosquitto_get (listener, "acl_file"), name, error);
}

static void
write_rights (MosquittoImport *self)
{
  g_string_append_printf (self->out, "[policy may-publish]\nallow=%s\n\n[policy may-subscribe]\nallow=%s\n\n", self->has_acl ? self->may_write->str : "true",
                          self->has_acl ? self->may_read->str : "true");
  g_string_append (self->out, "[topic #]\ncreate=auto\npublish-policy=may-publish\nsubscribe-policy=may-subscribe\n\n"
                   "[topic $SYS/#]\ncreate=auto\nsubscribe-policy=may-subscribe\n\n");
}

/* Settings that need no word: they hold here anyway, or say how mosquitto does it and not what. */
static const char * const silent_keys[] = {
  "allow_duplicate_messages", "autosave_interval", "autosave_on_changes", "connection_messages", "log_timestamp", "log_timestamp_format", "persistence_file",
  "persistence_location", "pid_file", "set_tcp_nodelay", "user", "websockets_log_level",
  "websockets_headers_size", "try_private", "bridge_attempt_unsubscribe", "dhparamfile", "retry_interval", "store_clean_interval",
  "log_facility", "local_clientid", "local_cleansession", "threshold", "keepalive_interval", NULL
};

/* Values that say what holds here in any case, or what mosquitto does by itself. */
static const struct { const char *key; const char *value; } silent_values[] = {
  { "allow_zero_length_clientid", "true" }, { "bridge_outgoing_retain", "true" }, { "bridge_require_ocsp", "false" }, { "bridge_tls_version", "tlsv1.2" },
  { "check_retain_source", "true" }, { "max_inflight_bytes", "0" }, { "memory_limit", "0" }, { "notifications", "false" }, { "queue_qos0_messages", "false" },
  { "round_robin", "false" }, { "start_type", "automatic" }, { "tls_keyform", "pem" }, { "upgrade_outgoing_qos", "false" },
};

static const struct { const char *key; const char *word; } words_for[] = {
  { "psk_file", "write the keys into a file of their own and name it in an [identity] of type=psk" },
  { "plugin", "plugins of mosquitto cannot be used" },
  { "auth_plugin", "plugins of mosquitto cannot be used" },
  { "clientid_prefixes", "say it in the policies: client-id ~ \"PREFIX*\"" },
  { "http_dir", "a [listener] of type=http serves files by static=" },
  { "notifications", "the state of a bridge is told by hawser bridge list and in the metrics" },
  { "log_dest", "the log goes to the journal or stderr" },
  { "bridge_psk", "a bridge proves who it is by a certificate or a password" },
  { "check_retain_source", "the right of who left a retained value behind is always asked for" },
  { "psk_hint", "a [listener] needs an [identity] of type=psk for it" },
  { "queue_qos0_messages", "QoS 0 does not wait for who is away" },
  { "upgrade_outgoing_qos", "messages keep the QoS that they were published with" },
  { "use_username_as_clientid", "sessions belong to the user here: the client ids of two users never meet" },
};

/* Passwords, keys, and what plugins are told, which is often one. */
static gboolean
is_secret (const char *key)
{
  return strstr (key, "password") != NULL || strcmp (key, "bridge_psk") == 0 || strcmp (key, "tls_engine_kpass_sha1") == 0 ||
         g_str_has_prefix (key, "auth_opt_") || g_str_has_prefix (key, "plugin_opt_");
}

static gboolean
is_silent (const MosquittoSetting *setting)
{
  if (g_strv_contains (silent_keys, setting->key))
    return TRUE;
  for (gsize i = 0; i < G_N_ELEMENTS (silent_values); i++)
    if (strcmp (silent_values[i].key, setting->key) == 0 && strcmp (silent_values[i].value, setting->value) == 0)
      return TRUE;
  return FALSE;
}

static void
note_unused (MosquittoImport  *self,
             MosquittoSection *section)
{
  for (guint i = 0; i < section->settings->len; i++)
    {
      MosquittoSetting *setting = section->settings->pdata[i];
      const char *word = "has no counterpart";

      if (setting->is_used || is_silent (setting))
        continue;
      for (gsize w = 0; w < G_N_ELEMENTS (words_for); w++)
        if (strcmp (words_for[w].key, setting->key) == 0)
          word = words_for[w].word;
      mosquitto_note (self, setting->place, "%s %s: %s", setting->key, is_secret (setting->key) ? "…" : setting->value, word);
    }
}

static void
write_whole (MosquittoImport *self)
{
  MosquittoSetting *persistence = mosquitto_find (self->whole, "persistence");
  const char *interval = mosquitto_get (self->whole, "sys_interval");
  gboolean is_debug = FALSE;

  g_string_append (self->out, "[hawser]\n");
  if (persistence != NULL && mosquitto_is_true (persistence->value))
    {
      mosquitto_emit (self->out, "state-dir", self->options->state_dir);
      mosquitto_note (self, persistence->place, "persistence: what mosquitto.db holds stays there; sessions, queued and retained messages begin anew in %s", self->options->state_dir);
    }
  mosquitto_emit_limit (self->out, "max-message-size", mosquitto_get (self->whole, "message_size_limit"));
  mosquitto_emit_limit (self->out, "max-memory", mosquitto_get (self->whole, "memory_limit"));
  if (interval != NULL)
    g_string_append_printf (self->out, "sys-interval=%" G_GINT64_FORMAT "s\n", CLAMP (g_ascii_strtoll (interval, NULL, 10), 0, 86400));
  for (guint i = 0; i < self->whole->settings->len; i++)
    {
      MosquittoSetting *setting = self->whole->settings->pdata[i];

      if (strcmp (setting->key, "log_type") == 0)
        {
          setting->is_used = TRUE;
          is_debug |= strcmp (setting->value, "debug") == 0 || strcmp (setting->value, "all") == 0;
        }
    }
  g_string_append_printf (self->out, "\n%s", is_debug ? "[log]\nlevel=debug\n\n" : "");
}

static gboolean
write_all (MosquittoImport  *self,
           GError **error)
{
  write_whole (self);
  if (self->listeners->len == 0)
    {
      /* mosquitto(8): without a listener it is for this machine alone, and open */
      MosquittoSection *local = mosquitto_section_new ("1883 127.0.0.1");
      MosquittoSetting *open = g_new0 (MosquittoSetting, 1);

      open->key = g_strdup ("allow_anonymous");
      open->value = g_strdup ("true");
      open->place = g_strdup ("-");
      g_ptr_array_add (self->listeners, local);
      if (mosquitto_find (self->whole, "allow_anonymous") == NULL || self->is_per_listener)
        g_ptr_array_add ((self->is_per_listener ? local : self->whole)->settings, open);
      else
        mosquitto_setting_free (open);
    }
  for (guint i = 0; i < self->listeners->len; i++)
    if (!write_listener (self, i, error))
      return FALSE;
  if (!self->is_per_listener && mosquitto_get (self->whole, "acl_file") != NULL && !mosquitto_take_acl (self, mosquitto_get (self->whole, "acl_file"), NULL, error))
    return FALSE;
  write_rights (self);
  g_string_append (self->out, self->listener_out->str);
  for (guint i = 0; i < self->connections->len; i++)
    if (!mosquitto_write_bridge (self, self->connections->pdata[i], error))
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
  MosquittoImport self = { .options = options, .notes = notes };
  gboolean is_done;

  self.whole = mosquitto_section_new ("");
  self.listeners = g_ptr_array_new_with_free_func (mosquitto_section_free);
  self.connections = g_ptr_array_new_with_free_func (mosquitto_section_free);
  self.out = g_string_new (NULL);
  self.listener_out = g_string_new (NULL);
  self.identities = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self.may_read = g_string_new (NULL);
  self.may_write = g_string_new (NULL);
  g_string_append_printf (self.out, "# Made from %s by hawser config import mosquitto.\n\n", path);
  is_done = mosquitto_read_file (&self, path, error) && write_all (&self, error);
  mosquitto_section_free (self.whole);
  g_ptr_array_unref (self.listeners);
  g_ptr_array_unref (self.connections);
  g_string_free (self.listener_out, TRUE);
  g_hash_table_unref (self.identities);
  g_string_free (self.may_read, TRUE);
  g_string_free (self.may_write, TRUE);
  return g_string_free (self.out, !is_done);
}
