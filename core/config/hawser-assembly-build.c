/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From groups of a configuration to objects, one function a kind of group. Nothing is opened or started, and each problem goes
 * to the group that it is in. Called by hawser_assembly_build(), on the context that owns the bus. */

#include "hawser-assembly.h"

#include <string.h>

#include "hawser-assembly-effects-private.h"
#include "hawser-assembly-private.h"
#include "hawser-bridge.h"
#include "hawser-config-types.h"
#include "hawser-error.h"
#include "hawser-identity.h"
#include "hawser-listener.h"
#include "hawser-local-topic.h"
#include "hawser-receiver.h"
#include "hawser-pipeline.h"
#include "hawser-sink-runner.h"
#include "hawser-store.h"
#include "hawser-tls.h"
#include "hawser-twins.h"
#include "hawser-units.h"

#define ADMIN_TYPE "http" /* what serves [admin] */

static void
add_problem (HawserConfigGroup *group,
             const char        *key,
             const GError      *error)
{
  hawser_config_group_add_problem (group, key, HAWSER_CONFIG_SEVERITY_ERROR, error->message);
}

static void
build_policy (HawserAssembly    *self,
              HawserConfigGroup *group)
{
  g_autoptr (GError) error = NULL;
  HawserPolicy *policy = hawser_policy_new (hawser_config_group_get_name (group),
                                            hawser_config_group_get_string (group, "allow"), &error);

  if (policy != NULL)
    g_ptr_array_add (self->policies, policy);
  else
    add_problem (group, "allow", error);
}

static void
set_text (HawserConfigGroup *group,
          const char        *key,
          GObject           *object,
          const char        *property)
{
  if (hawser_config_group_has (group, key))
    g_object_set (object, property, hawser_config_group_get_string (group, key), NULL);
}

static void
build_topic (HawserAssembly    *self,
             HawserConfigGroup *group)
{
  static const char * const texts[] = { "description", "expires", "publish-policy", "subscribe-policy", "content-type" };
  static const char * const booleans[] = { "enabled", "require-encryption", "audit" };
  static const char * const durations[] = { "max-subscription-duration", "message-expiry", "dedup-window" };
  HawserLocalTopic *topic = hawser_local_topic_new (hawser_config_group_get_name (group));
  GObject *object = G_OBJECT (topic);
  const char *retain = hawser_config_group_has (group, "retain") ? hawser_config_group_get_string (group, "retain") : NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    set_text (group, texts[i], object, texts[i]);
  set_text (group, "discovery-url", object, "discovery-uri");
  if (retain != NULL)
    g_object_set (object, "retain", g_str_equal (retain, "last") ? HAWSER_RETAIN_LAST : g_str_equal (retain, "none") ? HAWSER_RETAIN_NONE : HAWSER_RETAIN_CLIENT, NULL);
  if (hawser_config_group_has (group, "create"))
    g_object_set (object, "create", g_strcmp0 (hawser_config_group_get_string (group, "create"), "auto") == 0 ? "auto" : "no", NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (booleans); i++)
    if (hawser_config_group_has (group, booleans[i]))
      g_object_set (object, booleans[i], hawser_config_group_get_boolean (group, booleans[i]), NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (durations); i++)
    if (hawser_config_group_has (group, durations[i]))
      g_object_set (object, durations[i], hawser_config_group_get_duration_us (group, durations[i]), NULL);
  if (hawser_config_group_has (group, "max-message-size"))
    g_object_set (object, "max-message-size", hawser_config_group_get_size (group, "max-message-size"), NULL);
  if (hawser_config_group_has (group, "history"))
    g_object_set (object, "history", (guint) hawser_config_group_get_uint (group, "history"), NULL);
  hawser_assembly_check_effects (group, NULL, NULL);
  g_ptr_array_add (self->topics, topic);
}

/* Where a PEM file is: `KEY-file`, or the credential of `KEY-credential`. */
static char *
find_pem (HawserConfigGroup *group,
          const char        *key)
{
  g_autofree char *file_key = g_strconcat (key, "-file", NULL);
  g_autofree char *credential_key = g_strconcat (key, "-credential", NULL);
  const char *credential = hawser_config_group_get_string (group, credential_key);
  const char *directories[] = { g_getenv ("CREDENTIALS_DIRECTORY"), "/run/secrets" };

  if (credential == NULL)
    return g_strdup (hawser_config_group_get_string (group, file_key));
  for (gsize i = 0; i < G_N_ELEMENTS (directories); i++)
    {
      g_autofree char *path = directories[i] != NULL ? g_build_filename (directories[i], credential, NULL) : NULL;

      if (path != NULL && g_file_test (path, G_FILE_TEST_EXISTS))
        return g_steal_pointer (&path);
    }
  hawser_config_group_add_problem (group, credential_key, HAWSER_CONFIG_SEVERITY_ERROR,
                                   "no such credential in $CREDENTIALS_DIRECTORY or /run/secrets");
  return NULL;
}

static void
build_tls (HawserAssembly    *self,
           HawserConfigGroup *group)
{
  g_autofree char *certificate = find_pem (group, "certificate");
  g_autofree char *private_key = find_pem (group, "private-key");
  g_autofree char *client_ca = find_pem (group, "client-ca");
  const char *client_auth = hawser_config_group_get_string (group, "client-auth");
  const char *minimum_version = hawser_config_group_get_string (group, "minimum-version");
  g_autoptr (HawserTls) tls = NULL;
  g_autoptr (GError) error = NULL;

  if ((certificate == NULL) != (private_key == NULL))
    return; /* said by hawser_config_check() */
  tls = hawser_tls_new (certificate, private_key, &error);
  if (tls == NULL)
    {
      add_problem (group, NULL, error);
      return;
    }
  if (client_ca != NULL &&
      !hawser_tls_set_client_ca (tls, client_ca, g_strcmp0 (client_auth, "require") == 0 ? HAWSER_TLS_CLIENT_AUTH_REQUIRE
                                 : g_strcmp0 (client_auth, "request") == 0 ? HAWSER_TLS_CLIENT_AUTH_REQUEST
                                 : HAWSER_TLS_CLIENT_AUTH_NONE, &error))
    {
      add_problem (group, "client-ca-file", error);
      return;
    }
  if (hawser_config_group_has (group, "crl-file") && client_ca != NULL &&
      !hawser_tls_set_revocations (tls, hawser_config_group_get_string (group, "crl-file"), &error))
    {
      add_problem (group, "crl-file", error);
      return;
    }
  if (!hawser_tls_set_ciphers (tls, hawser_config_group_get_string (group, "ciphers"), hawser_config_group_get_string (group, "ciphersuites"), &error))
    {
      add_problem (group, hawser_config_group_has (group, "ciphers") ? "ciphers" : "ciphersuites", error);
      return;
    }
  if (minimum_version != NULL && !hawser_tls_set_minimum_version (tls, minimum_version, &error))
    {
      add_problem (group, "minimum-version", error);
      return;
    }
  g_hash_table_insert (self->tls, g_strdup (hawser_config_group_get_name (group)), g_steal_pointer (&tls));
}

/* An object of the plugin that `type=` names, its properties set from the group. NULL: the problem is reported, or the group
 * is left out by on-plugin-error=skip, which hawser_config_check() has warned about. */
static GObject *
make_typed (HawserAssembly    *self,
            HawserConfigGroup *group)
{
  const char *role = hawser_config_kind_to_role (hawser_config_group_get_kind (group));
  const char *type = hawser_config_group_get_string (group, "type");
  GType gtype = type != NULL ? hawser_plugin_registry_get_gtype (self->registry, role, type, NULL) : G_TYPE_INVALID;

  return gtype != G_TYPE_INVALID ? hawser_config_group_new_object (group, gtype, NULL) : NULL;
}

static void
build_identity (HawserAssembly    *self,
                HawserConfigGroup *group)
{
  g_autoptr (GObject) object = make_typed (self, group);
  g_autoptr (GError) error = NULL;

  if (object == NULL)
    return;
  if (!hawser_identity_load (HAWSER_IDENTITY (object), &error))
    add_problem (group, NULL, error);
  g_hash_table_insert (self->identities, g_strdup (hawser_config_group_get_name (group)), g_steal_pointer (&object));
}

static gboolean
is_enabled (HawserConfigGroup *group)
{
  return hawser_config_group_get_boolean (group, "enabled");
}

/* What a group and the listener have in common: TLS, identities, limits. */
static void
equip_listener (HawserAssembly    *self,
                HawserConfigGroup *group,
                HawserListener    *listener)
{
  const char *tls = hawser_config_group_get_string (group, "tls");
  g_auto (GStrv) identities = hawser_config_group_get_list (group, "identities");

  if (tls != NULL && g_hash_table_lookup (self->tls, tls) != NULL)
    hawser_listener_set_tls (listener, g_hash_table_lookup (self->tls, tls));
  for (guint i = 0; identities[i] != NULL; i++)
    if (g_hash_table_lookup (self->identities, identities[i]) != NULL)
      hawser_listener_add_identity (listener, g_hash_table_lookup (self->identities, identities[i]));
}

/* Without a certificate nobody could be let in but by a key. */
static void
check_keys (HawserAssembly    *self,
            HawserConfigGroup *group)
{
  const char *name = hawser_config_group_get_string (group, "tls");
  HawserTls *tls = name != NULL ? g_hash_table_lookup (self->tls, name) : NULL;
  g_auto (GStrv) identities = hawser_config_group_get_list (group, "identities");
  g_autofree char *text = NULL;

  if (tls == NULL || hawser_tls_get_has_certificate (tls))
    return;
  for (guint i = 0; identities[i] != NULL; i++)
    {
      HawserIdentity *identity = g_hash_table_lookup (self->identities, identities[i]);

      if (identity == NULL || HAWSER_IDENTITY_GET_IFACE (identity)->find_key != NULL)
        return;
    }
  text = g_strdup_printf ("[tls %s] has no certificate, and none of identities= has pre-shared keys", name);
  hawser_config_group_add_problem (group, "tls", HAWSER_CONFIG_SEVERITY_ERROR, text);
}

/* A limit of the whole daemon holds where the listener has none of its own. */
static void
limit_listener (HawserAssembly    *self,
                HawserConfigGroup *group,
                HawserListener    *listener)
{
  HawserConfigGroup *whole = hawser_config_get_group (self->config, "hawser", NULL);

  if (!hawser_config_group_has (group, "max-message-size"))
    g_object_set (listener, "max-message-size", hawser_config_group_get_size (whole, "max-message-size"), NULL);
}

static void
build_listener (HawserAssembly    *self,
                HawserConfigGroup *group)
{
  g_autoptr (GObject) protocol = NULL;
  g_autoptr (HawserListener) listener = NULL;

  if (!is_enabled (group))
    return;
  protocol = make_typed (self, group);
  if (protocol == NULL)
    return;
  listener = hawser_listener_new_for_protocol (self->bus, hawser_config_group_get_name (group), HAWSER_PROTOCOL (protocol),
                                               hawser_config_group_get_string (group, "address"));
  hawser_assembly_check_effects (group, protocol, G_OBJECT (listener));
  if (!hawser_config_group_apply_properties (group, G_OBJECT (listener), NULL))
    return;
  limit_listener (self, group, listener);
  equip_listener (self, group, listener);
  check_keys (self, group);
  if (g_str_has_prefix (hawser_config_group_get_string (group, "address"), "wss:") && !hawser_config_group_has (group, "tls"))
    hawser_config_group_add_problem (group, "address", HAWSER_CONFIG_SEVERITY_ERROR, "wss: needs certificates, name them by tls=");
  g_list_store_append (self->listeners, listener);
}

/* ---- [admin]: listeners of its own ---- */

/* Who is at the other end of a Unix socket needs no group of the configuration: the system says it, a policy may ask for it. */
static void
ask_system_for_users (HawserAssembly *self,
                      HawserListener *listener)
{
  GType gtype = hawser_plugin_registry_get_gtype (self->registry, "identity", "unix", NULL);
  g_autoptr (HawserIdentity) identity = gtype != G_TYPE_INVALID ? HAWSER_IDENTITY (g_object_new (gtype, NULL)) : NULL;

  if (identity != NULL && hawser_identity_load (identity, NULL))
    hawser_listener_add_identity (listener, identity);
}

static void
add_admin_listener (HawserAssembly    *self,
                    HawserConfigGroup *group,
                    const char        *name,
                    const char        *address)
{
  GType gtype = hawser_plugin_registry_get_gtype (self->registry, "protocol", ADMIN_TYPE, NULL);
  g_autoptr (GObject) protocol = NULL;
  g_autoptr (HawserListener) listener = NULL;

  if (gtype == G_TYPE_INVALID)
    {
      hawser_config_group_add_problem (group, "address", HAWSER_CONFIG_SEVERITY_ERROR, "no plugin has the type http, which serves it");
      return;
    }
  protocol = g_object_new (gtype, "admin", TRUE, "dashboard", hawser_config_group_get_boolean (group, "dashboard"),
                           "metrics", hawser_config_group_get_boolean (group, "metrics"), NULL);
  listener = hawser_listener_new_for_protocol (self->bus, name, HAWSER_PROTOCOL (protocol), address);
  hawser_assembly_check_effects (group, protocol, NULL);
  equip_listener (self, group, listener);
  if (!hawser_config_group_has (group, "identities"))
    {
      g_object_set (listener, "anonymous", "allow", NULL);
      if (g_str_has_prefix (address, "unix:") && hawser_config_group_has (group, "policy"))
        ask_system_for_users (self, listener);
    }
  g_list_store_append (self->listeners, listener);
}

static void
build_admin (HawserAssembly *self)
{
  HawserConfigGroup *group = hawser_config_get_group (self->config, "admin", NULL);
  g_auto (GStrv) addresses = NULL, redact = NULL;
  const char *runtime_dir = g_getenv ("RUNTIME_DIRECTORY");

  hawser_bus_set_admin_policy (self->bus, hawser_config_group_get_string (group, "policy"));
  redact = hawser_config_group_get_list (group, "redact");
  hawser_bus_set_redact (self->bus, (const char * const *) redact);
  if (!is_enabled (group))
    return;
  if (hawser_config_group_has (group, "address"))
    {
      addresses = hawser_config_group_get_list (group, "address");
      for (guint i = 0; addresses[i] != NULL; i++)
        {
          g_autofree char *name = i == 0 ? g_strdup ("admin") : g_strdup_printf ("admin-%u", i + 1);

          add_admin_listener (self, group, name, addresses[i]);
        }
    }
  else if (runtime_dir != NULL && runtime_dir[0] == '/')
    {
      /* A unit with RuntimeDirectory= has a place for the socket that nobody else has. */
      g_autofree char *first = g_strndup (runtime_dir, strcspn (runtime_dir, ":"));
      g_autofree char *address = g_strdup_printf ("unix:%s/admin.sock", first);

      add_admin_listener (self, group, "admin", address);
    }
}

/* ---- subscriptions ---- */

static HawserOverflow
read_overflow (HawserConfigGroup *group)
{
  static const char * const words[] = { "drop-oldest", "drop-newest", "reject", "block" };
  const char *word = hawser_config_group_get_string (group, "on-overflow");

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (g_strcmp0 (word, words[i]) == 0)
      return (HawserOverflow) i;
  return HAWSER_OVERFLOW_DROP_OLDEST;
}

static void
build_provision (HawserAssembly    *self,
                 HawserConfigGroup *group)
{
  const char *identity = hawser_config_group_get_string (group, "identity");
  gint64 max_age_us = hawser_config_group_get_duration_us (group, "max-age"), ttl_us = hawser_config_group_get_duration_us (group, "ttl");
  gint64 expires_us = 0;
  HawserAssemblyProvision *provision;

  if (identity == NULL)
    {
      hawser_config_group_add_problem (group, NULL, HAWSER_CONFIG_SEVERITY_ERROR,
                                       "name a sink by type= or the peer it waits for by identity=");
      return;
    }
  hawser_assembly_check_effects (group, NULL, NULL);
  if (hawser_config_group_has (group, "expires"))
    hawser_date_parse (hawser_config_group_get_string (group, "expires"), &expires_us, NULL); /* the check has complained */
  provision = g_new0 (HawserAssemblyProvision, 1);
  provision->id = g_strdup (hawser_config_group_get_name (group));
  provision->identity = g_strdup (identity);
  provision->filter = g_strdup (hawser_config_group_get_string (group, "topic"));
  provision->limits.max_messages = (guint32) hawser_config_group_get_uint (group, "max-queued");
  provision->limits.max_bytes = hawser_config_group_has (group, "max-queued-bytes")
    ? hawser_config_group_get_size (group, "max-queued-bytes") : hawser_config_group_get_size (group, "spool-limit");
  provision->limits.max_age_us = max_age_us > 0 && (ttl_us == 0 || max_age_us < ttl_us) ? max_age_us : ttl_us;
  provision->description = g_strdup (hawser_config_group_get_string (group, "description"));
  provision->attributes = g_strdup (hawser_config_group_get_string (group, "filter"));
  provision->no_local = hawser_config_group_get_boolean (group, "not-me");
  provision->terms = (HawserSubscriptionTerms) {
    provision->description, provision->attributes, expires_us,
    hawser_config_group_has (group, "spool-rate") ? hawser_config_group_get_double (group, "spool-rate") : 0,
  };
  provision->limits.overflow = read_overflow (group);
  g_ptr_array_add (self->provisions, provision);
}

/* What a destination says is the operator's to know; a sink notifies at most ten times a second. */
static void
on_sink_state (HawserSinkRunner *runner)
{
  static const char key[] = "hawser-was-failing";
  const char *name = hawser_sink_runner_get_name (runner), *reason = hawser_sink_runner_get_last_error (runner);
  HawserSinkState state = hawser_sink_runner_get_state (runner);
  gboolean was_failing = g_object_get_data (G_OBJECT (runner), key) != NULL;

  if (state == HAWSER_SINK_STATE_FAILING)
    g_warning ("sink '%s': %s", name, reason != NULL ? reason : "it fails");
  else if (state == HAWSER_SINK_STATE_PAUSED)
    g_message ("sink '%s': paused%s%s", name, was_failing && reason != NULL ? ": " : "", was_failing && reason != NULL ? reason : "");
  else if (state == HAWSER_SINK_STATE_RUNNING && was_failing)
    g_message ("sink '%s': writes again", name);
  g_object_set_data (G_OBJECT (runner), key, state == HAWSER_SINK_STATE_FAILING ? runner : NULL);
}

/* What no single key can say of itself. An error that begins with the name of a key is about that key. */
static void
check_sink (HawserConfigGroup *group,
            HawserSink        *sink)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *word = NULL;

  if (hawser_sink_check (sink, &error))
    return;
  word = g_strndup (error->message, strcspn (error->message, " :="));
  hawser_config_group_add_problem (group, hawser_config_group_has (group, word) ? word : "type", HAWSER_CONFIG_SEVERITY_ERROR, error->message);
}

static void
build_subscription (HawserAssembly    *self,
                    HawserConfigGroup *group)
{
  g_autoptr (GObject) sink = NULL;
  g_autoptr (HawserSinkRunner) runner = NULL;

  if (!is_enabled (group))
    return;
  if (!hawser_config_group_has (group, "type"))
    {
      build_provision (self, group);
      return;
    }
  sink = make_typed (self, group);
  if (sink == NULL)
    return;
  check_sink (group, HAWSER_SINK (sink));
  runner = hawser_sink_runner_new (self->bus, hawser_config_group_get_name (group), HAWSER_SINK (sink),
                                   hawser_config_group_get_string (group, "topic"));
  hawser_assembly_check_effects (group, sink, G_OBJECT (runner));
  if (!hawser_config_group_apply_properties (group, G_OBJECT (runner), NULL))
    return;
  g_signal_connect (runner, "notify::state", G_CALLBACK (on_sink_state), NULL);
  g_list_store_append (self->sinks, runner);
}

/* ---- bridges ---- */

/* What happens on the link is the operator's to know; a bridge notifies at most ten times a second. */
static void
on_bridge_state (HawserBridge *bridge)
{
  g_autofree char *address = hawser_bridge_client_dup_address (hawser_bridge_get_client (bridge));

  if (hawser_bridge_get_state (bridge) == HAWSER_BRIDGE_STATE_CONNECTED)
    g_message ("bridge '%s': connected to %s", hawser_bridge_get_name (bridge), address);
  else if (hawser_bridge_get_state (bridge) == HAWSER_BRIDGE_STATE_WAITING)
    g_warning ("bridge '%s': %s: %s", hawser_bridge_get_name (bridge), address, hawser_bridge_get_last_error (bridge));
}

static void
build_bridge (HawserAssembly    *self,
              HawserConfigGroup *group)
{
  g_autoptr (GObject) client = NULL;
  g_autoptr (HawserBridge) bridge = NULL;
  g_autoptr (GError) error = NULL;

  if (!is_enabled (group))
    return;
  client = make_typed (self, group);
  if (client == NULL)
    return;
  bridge = hawser_bridge_new (self->bus, hawser_config_group_get_name (group), HAWSER_BRIDGE_CLIENT (client));
  hawser_assembly_check_effects (group, client, G_OBJECT (bridge));
  if (!hawser_config_group_apply_properties (group, G_OBJECT (bridge), NULL))
    return;
  if (!hawser_bridge_check (bridge, &error))
    add_problem (group, NULL, error);
  g_signal_connect (bridge, "notify::state", G_CALLBACK (on_bridge_state), NULL);
  g_list_store_append (self->bridges, bridge);
}

/* ---- pipelines ---- */

static void
build_pipeline (HawserAssembly    *self,
                HawserConfigGroup *group)
{
  g_autoptr (HawserPipeline) pipeline = NULL;
  g_autoptr (GError) error = NULL;

  if (!is_enabled (group))
    return;
  pipeline = hawser_pipeline_new (self->bus, hawser_config_group_get_name (group));
  if (!hawser_config_group_apply_properties (group, G_OBJECT (pipeline), NULL))
    return;
  if (!hawser_pipeline_check (pipeline, &error))
    {
      const char *colon = strchr (error->message, ':');
      g_autofree char *key = colon != NULL ? g_strndup (error->message, (gsize) (colon - error->message)) : NULL;

      add_problem (group, key != NULL && hawser_config_group_has (group, key) ? key : NULL, error);
      return;
    }
  g_ptr_array_add (self->pipelines, g_steal_pointer (&pipeline));
}

/* ---- twins ---- */

static void
build_store (HawserAssembly    *self,
             HawserConfigGroup *group)
{
  GObject *store = make_typed (self, group);

  if (store == NULL)
    return;
  hawser_assembly_check_effects (group, store, NULL);
  g_hash_table_insert (self->stores, g_strdup (hawser_config_group_get_name (group)), store);
}

/* A family, or the one twin that a [twin] group is. */
static void
build_twins (HawserAssembly    *self,
             HawserConfigGroup *group)
{
  gboolean is_single = strcmp (hawser_config_group_get_kind (group), "twin") == 0;
  g_autoptr (HawserTwinFamily) family = hawser_twin_family_new (hawser_config_group_get_name (group));
  g_autoptr (GError) error = NULL;
  const char *property = NULL;

  g_object_set (family, "single", is_single, NULL);
  if (!hawser_config_group_apply_properties (group, G_OBJECT (family), NULL))
    return;
  if (hawser_config_group_has (group, "type"))
    {
      GObject *behavior = make_typed (self, group);

      if (behavior != NULL)
        g_hash_table_insert (self->behaviors, g_strdup (hawser_config_group_get_name (group)), behavior);
    }
  if (!hawser_twin_family_check (family, &property, &error))
    {
      add_problem (group, property != NULL && hawser_config_group_has (group, property) ? property : NULL, error);
      return;
    }
  g_ptr_array_add (self->families, g_steal_pointer (&family));
}

/* The open configuration, [topic #], lets its readers read what becomes of twins too; # alone does not match $twin. */
static void
open_twin_topics (HawserAssembly *self)
{
  HawserLocalTopic *all = NULL;
  g_autofree char *policy = NULL;

  for (guint i = 0; i < self->topics->len; i++)
    {
      g_autofree char *name = hawser_topic_dup_name (HAWSER_TOPIC (self->topics->pdata[i]));

      if (g_str_has_prefix (name, "$twin/"))
        return;
      if (strcmp (name, "#") == 0)
        all = self->topics->pdata[i];
    }
  if (all == NULL || self->families->len == 0)
    return;
  g_object_get (all, "subscribe-policy", &policy, NULL);
  g_ptr_array_add (self->topics, hawser_local_topic_new ("$twin/#"));
  g_object_set (self->topics->pdata[self->topics->len - 1], "create", "auto", "subscribe-policy", policy,
                "description", "Changes of twins, and what their devices are told", NULL);
}

/* ---- the whole ---- */

/* After all of them were made, since they may name each other. */
static void
join_tls (HawserAssembly *self)
{
  g_autoptr (GPtrArray) groups = hawser_config_list_groups (self->config, "tls");

  for (guint g = 0; g < groups->len; g++)
    {
      HawserConfigGroup *group = groups->pdata[g];
      HawserTls *tls = g_hash_table_lookup (self->tls, hawser_config_group_get_name (group));
      g_auto (GStrv) others = hawser_config_group_get_list (group, "others");

      for (guint i = 0; tls != NULL && others[i] != NULL; i++)
        {
          HawserTls *other = g_hash_table_lookup (self->tls, others[i]);

          if (hawser_config_group_has (hawser_config_get_group (self->config, "tls", others[i]), "others"))
            hawser_config_group_add_problem (group, "others", HAWSER_CONFIG_SEVERITY_ERROR, "names a group that names others itself");
          else if (other != NULL)
            hawser_tls_add_other (tls, other);
        }
    }
}

static void
build_all (HawserAssembly *self)
{
  static const struct {
    const char *kind;
    void (*build) (HawserAssembly *self, HawserConfigGroup *group);
  } kinds[] = {
    { "policy", build_policy },
    { "topic", build_topic },
    { "tls", build_tls },
    { "identity", build_identity },
    { "listener", build_listener },
    { "subscription", build_subscription },
    { "bridge", build_bridge },
    { "pipeline", build_pipeline },
    { "store", build_store },
    { "twin", build_twins },
    { "twin-family", build_twins },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autoptr (GPtrArray) groups = hawser_config_list_groups (self->config, kinds[i].kind);

      for (guint g = 0; g < groups->len; g++)
        kinds[i].build (self, groups->pdata[g]);
    }
  open_twin_topics (self);
  build_admin (self);
  join_tls (self);
  hawser_assembly_check_effects (hawser_config_get_group (self->config, "hawser", NULL), G_OBJECT (self->bus), NULL);
}

static void
check_wanted_plugins (HawserAssembly *self)
{
  HawserConfigGroup *group = hawser_config_get_group (self->config, "hawser", NULL);
  g_auto (GStrv) wanted = hawser_config_group_get_list (group, "plugins");
  GListModel *plugins = hawser_plugin_registry_get_plugins (self->registry);
  gboolean is_fatal = g_strcmp0 (hawser_config_group_get_string (group, "on-plugin-error"), "skip") != 0;

  for (guint w = 0; wanted[w] != NULL; w++)
    {
      gboolean is_there = FALSE;

      for (guint i = 0; i < g_list_model_get_n_items (plugins) && !is_there; i++)
        {
          g_autoptr (HawserPlugin) plugin = g_list_model_get_item (plugins, i);

          is_there = strcmp (hawser_plugin_get_name (plugin), wanted[w]) == 0;
        }
      if (!is_there)
        {
          g_autofree char *text = g_strdup_printf ("there is no plugin '%s'", wanted[w]);

          hawser_config_group_add_problem (group, "plugins", is_fatal ? HAWSER_CONFIG_SEVERITY_ERROR
                                           : HAWSER_CONFIG_SEVERITY_WARNING, text);
        }
    }
}

static void
check_store (HawserAssembly *self)
{
  HawserConfigGroup *group = hawser_config_get_group (self->config, "hawser", NULL);
  g_autoptr (GError) error = NULL;
  GType gtype;

  if (!hawser_config_group_has (group, "state-dir"))
    return;
  gtype = hawser_plugin_registry_get_gtype (self->registry, "store", "sqlite", &error);
  if (gtype == G_TYPE_INVALID)
    add_problem (group, "state-dir", error);
  else
    self->store = g_object_new (gtype, NULL);
}

/**
 * hawser_assembly_build:
 * @self: an assembly
 *
 * Opens the plugins that the configuration names, checks all of it and makes the objects: certificates and password files are
 * read, no port is opened, nothing is written, the bus is not touched. Once only. All problems are in the configuration.
 *
 * Returns: %TRUE if there is no error
 * Since: 0.1
 */
gboolean
hawser_assembly_build (HawserAssembly *self)
{
  g_return_val_if_fail (!self->is_built, FALSE);

  self->is_built = TRUE;
  hawser_config_load_types (self->config, self->registry);
  check_wanted_plugins (self);
  hawser_config_check (self->config);
  build_all (self);
  check_store (self);
  return hawser_config_get_n_errors (self->config) == 0;
}
