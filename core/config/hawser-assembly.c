/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Turns a configuration into objects on a bus: policies, topics, TLS, identities, listeners, the spool, sinks and provisioned
 * queues. Building only makes and checks the objects, so that every problem is found before anything is touched; starting puts
 * them on the bus in the order in which they need each other and takes all back when one fails; draining is the reverse.
 * Used by hawserd, and by any program that wants a bus as its configuration says. On the context that owns the bus. */

#include "hawser-assembly.h"

#include <glib/gstdio.h>
#include <errno.h>
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
#include "hawser-sink-runner.h"
#include "hawser-spool-journal.h"
#include "hawser-spool.h"
#include "hawser-store.h"
#include "hawser-system-topics-private.h"
#include "hawser-tls.h"
#include "hawser-twins.h"
#include "hawser-units.h"

#define SPOOL_FILE "spool.db"
#define ADMIN_TYPE "http" /* what serves [admin] */

G_DEFINE_FINAL_TYPE (HawserAssembly, hawser_assembly, G_TYPE_OBJECT)

static void
provision_free (gpointer data)
{
  HawserAssemblyProvision *self = data;

  g_free (self->id);
  g_free (self->identity);
  g_free (self->filter);
  g_free (self->description);
  g_free (self->attributes);
  g_free (self);
}

static void
dispose (GObject *object)
{
  HawserAssembly *self = HAWSER_ASSEMBLY (object);

  hawser_assembly_stop (self);
  g_clear_object (&self->config);
  g_clear_object (&self->bus);
  g_clear_object (&self->registry);
  G_OBJECT_CLASS (hawser_assembly_parent_class)->dispose (object);
}

static void
finalize (GObject *object)
{
  HawserAssembly *self = HAWSER_ASSEMBLY (object);

  g_ptr_array_unref (self->policies);
  g_ptr_array_unref (self->topics);
  g_hash_table_unref (self->tls);
  g_hash_table_unref (self->identities);
  g_ptr_array_unref (self->provisions);
  g_ptr_array_unref (self->families);
  g_object_unref (self->listeners);
  g_object_unref (self->sinks);
  g_object_unref (self->bridges);
  g_clear_object (&self->store);
  G_OBJECT_CLASS (hawser_assembly_parent_class)->finalize (object);
}

static void
hawser_assembly_class_init (HawserAssemblyClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = dispose;
  object_class->finalize = finalize;
}

static void
hawser_assembly_init (HawserAssembly *self)
{
  self->policies = g_ptr_array_new_with_free_func ((GDestroyNotify) hawser_policy_unref);
  self->topics = g_ptr_array_new_with_free_func (g_object_unref);
  self->tls = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  self->identities = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  self->provisions = g_ptr_array_new_with_free_func (provision_free);
  self->families = g_ptr_array_new_with_free_func (g_object_unref);
  self->listeners = g_list_store_new (HAWSER_TYPE_LISTENER);
  self->sinks = g_list_store_new (HAWSER_TYPE_SINK_RUNNER);
  self->bridges = g_list_store_new (HAWSER_TYPE_BRIDGE);
}

/**
 * hawser_assembly_new:
 * @config: a configuration with all its texts
 * @bus: the bus that is to be as @config says
 * @registry: where plugins are
 *
 * Returns: (transfer full): an assembly; nothing is made yet
 * Since: 0.1
 */
HawserAssembly *
hawser_assembly_new (HawserConfig         *config,
                     HawserBus            *bus,
                     HawserPluginRegistry *registry)
{
  HawserAssembly *self = g_object_new (HAWSER_TYPE_ASSEMBLY, NULL);

  self->config = g_object_ref (config);
  self->bus = g_object_ref (bus);
  self->registry = g_object_ref (registry);
  return self;
}

/* ---- building: one function a kind, each problem to the group it is in ---- */

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
  HawserLocalTopic *topic = hawser_local_topic_new (hawser_config_group_get_name (group));
  GObject *object = G_OBJECT (topic);
  const char *retain = hawser_config_group_get_string (group, "retain");

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    set_text (group, texts[i], object, texts[i]);
  set_text (group, "discovery-url", object, "discovery-uri");
  g_object_set (object,
                "enabled", hawser_config_group_get_boolean (group, "enabled"),
                "create", g_strcmp0 (hawser_config_group_get_string (group, "create"), "auto") == 0 ? "auto" : "no",
                "require-encryption", hawser_config_group_get_boolean (group, "require-encryption"),
                "audit", hawser_config_group_get_boolean (group, "audit"),
                "retain", g_strcmp0 (retain, "last") == 0 ? HAWSER_RETAIN_LAST
                : g_strcmp0 (retain, "none") == 0 ? HAWSER_RETAIN_NONE : HAWSER_RETAIN_CLIENT,
                "max-subscription-duration", hawser_config_group_get_duration_us (group, "max-subscription-duration"),
                "max-message-size", hawser_config_group_get_size (group, "max-message-size"),
                "message-expiry", hawser_config_group_get_duration_us (group, "message-expiry"),
                "dedup-window", hawser_config_group_get_duration_us (group, "dedup-window"),
                "history", (guint) hawser_config_group_get_uint (group, "history"),
                NULL);
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

static void
add_admin_listener (HawserAssembly    *self,
                    HawserConfigGroup *group,
                    const char        *name,
                    const char        *address)
{
  GType gtype = hawser_plugin_registry_get_gtype (self->registry, "protocol", ADMIN_TYPE, NULL);
  g_autoptr (GObject) protocol = NULL;
  g_autoptr (HawserListener) listener = NULL;
  GObjectClass *klass;

  if (gtype == G_TYPE_INVALID)
    {
      hawser_config_group_add_problem (group, "address", HAWSER_CONFIG_SEVERITY_ERROR, "no plugin has the type http, which serves it");
      return;
    }
  protocol = g_object_new (gtype, "admin", TRUE, NULL);
  klass = G_OBJECT_GET_CLASS (protocol);
  for (guint i = 0; i < 3; i++)
    {
      static const char * const keys[] = { "dashboard", "metrics", "policy" };

      if (hawser_config_group_has (group, keys[i]) && g_object_class_find_property (klass, keys[i]) != NULL)
        {
          if (i < 2)
            g_object_set (protocol, keys[i], hawser_config_group_get_boolean (group, keys[i]), NULL);
          else
            g_object_set (protocol, keys[i], hawser_config_group_get_string (group, keys[i]), NULL);
        }
    }
  listener = hawser_listener_new_for_protocol (self->bus, name, HAWSER_PROTOCOL (protocol), address);
  hawser_assembly_check_effects (group, protocol, NULL);
  equip_listener (self, group, listener);
  if (!hawser_config_group_has (group, "identities"))
    g_object_set (listener, "anonymous", "allow", NULL);
  g_list_store_append (self->listeners, listener);
}

static void
build_admin (HawserAssembly *self)
{
  HawserConfigGroup *group = hawser_config_get_group (self->config, "admin", NULL);
  g_auto (GStrv) addresses = NULL;
  const char *runtime_dir = g_getenv ("RUNTIME_DIRECTORY");

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
  runner = hawser_sink_runner_new (self->bus, hawser_config_group_get_name (group), HAWSER_SINK (sink),
                                   hawser_config_group_get_string (group, "topic"));
  hawser_assembly_check_effects (group, sink, G_OBJECT (runner));
  if (!hawser_config_group_apply_properties (group, G_OBJECT (runner), NULL))
    return;
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

/* ---- twins ---- */

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

/* ---- starting ---- */

static void
report_spool_problem (gpointer    data,
                      const char *text)
{
  g_warning ("spool: %s", text);
}

static gboolean
start_spool (HawserAssembly  *self,
             GError         **error)
{
  HawserConfigGroup *group = hawser_config_get_group (self->config, "hawser", NULL);
  const char *directory = hawser_config_group_get_string (group, "state-dir");
  const char *sync = hawser_config_group_get_string (group, "sync");
  g_autofree char *path = NULL;

  if (self->store == NULL)
    return TRUE;
  if (g_mkdir_with_parents (directory, 0700) != 0)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE, "state-dir '%s': %s", directory, g_strerror (errno));
      return FALSE;
    }
  path = g_build_filename (directory, SPOOL_FILE, NULL);
  self->spool = hawser_spool_new (self->store, path, g_strcmp0 (sync, "interval") == 0 ? HAWSER_SPOOL_SYNC_INTERVAL
                                  : g_strcmp0 (sync, "never") == 0 ? HAWSER_SPOOL_SYNC_NEVER : HAWSER_SPOOL_SYNC_ALWAYS,
                                  hawser_config_group_get_duration_us (group, "sync-interval"), error);
  if (self->spool == NULL)
    return FALSE;
  hawser_spool_set_problem_func (self->spool, report_spool_problem, self);
  return hawser_bus_set_spool (self->bus, self->spool, error);
}

static gboolean
start_topics (HawserAssembly  *self,
              GError         **error)
{
  HawserConfigGroup *group = hawser_config_get_group (self->config, "hawser", NULL);

  g_object_set (self->bus, "trust-loopback", hawser_config_group_get_boolean (group, "trust-loopback"),
                "max-connections", (guint) hawser_config_group_get_uint (group, "max-connections"), NULL);
  for (guint i = 0; i < self->policies->len; i++)
    hawser_bus_add_policy (self->bus, self->policies->pdata[i]);
  for (guint i = 0; i < self->topics->len; i++)
    if (!hawser_bus_add_topic (self->bus, self->topics->pdata[i], error))
      return FALSE;
  for (guint i = 0; i < self->families->len; i++)
    if (!hawser_twins_add_family (hawser_twins_get (self->bus), self->families->pdata[i], error))
      return FALSE;
  return TRUE;
}

/* Who may read everything may read $SYS topics, unless a group of theirs says who may. */
static gboolean
start_system_topics (HawserAssembly  *self,
                     GError         **error)
{
  gint64 interval_us = hawser_config_group_get_duration_us (hawser_config_get_group (self->config, "hawser", NULL), "sys-interval");
  HawserConfigGroup *all = hawser_config_get_group (self->config, "topic", "#");

  if (interval_us == 0)
    return TRUE;
  if (all != NULL && hawser_bus_get_topic (self->bus, "$SYS/#") == NULL)
    {
      g_autoptr (HawserLocalTopic) topic = hawser_local_topic_new ("$SYS/#");

      g_object_set (topic, "create", "auto", "description", "Figures of this daemon", NULL);
      set_text (all, "subscribe-policy", G_OBJECT (topic), "subscribe-policy");
      if (!hawser_bus_add_topic (self->bus, HAWSER_TOPIC (topic), error))
        return FALSE;
    }
  self->system_topics = hawser_system_topics_new (self->bus, interval_us);
  return TRUE;
}

gboolean
hawser_assembly_start_provision (HawserAssembly                 *self,
                                 const HawserAssemblyProvision  *provision,
                                 GError                        **error)
{
  const HawserSubscribeOptions options = { .qos = 2, .no_local = provision->no_local };
  HawserReceiver *receiver = hawser_receiver_new (self->bus, provision->id, HAWSER_RECEIVER_DURABLE | HAWSER_RECEIVER_PROVISIONED | HAWSER_RECEIVER_CONFIGURED,
                                                  &provision->limits);
  int result;

  hawser_receiver_set_identity (receiver, provision->identity);
  result = hawser_receiver_subscribe (receiver, provision->filter, strlen (provision->filter), &options);
  if (result == HAWSER_RESULT_OK)
    {
      if (hawser_receiver_set_terms (receiver, &provision->terms, error))
        return TRUE;
      g_prefix_error (error, "subscription '%s': ", provision->id);
      return FALSE;
    }
  g_set_error (error, HAWSER_ERROR, result, "subscription '%s': topic '%s': %s", provision->id, provision->filter,
               hawser_error_to_nick ((HawserError) result));
  return FALSE;
}

static gboolean
start_subscriptions (HawserAssembly  *self,
                     GError         **error)
{
  for (guint i = 0; i < self->provisions->len; i++)
    if (!hawser_assembly_start_provision (self, self->provisions->pdata[i], error))
      return FALSE;
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->sinks)); i++)
    {
      g_autoptr (HawserSinkRunner) runner = g_list_model_get_item (G_LIST_MODEL (self->sinks), i);

      if (!hawser_sink_runner_start (runner, error))
        {
          g_prefix_error (error, "subscription '%s': ", hawser_sink_runner_get_name (runner));
          return FALSE;
        }
    }
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->bridges)); i++)
    {
      g_autoptr (HawserBridge) bridge = g_list_model_get_item (G_LIST_MODEL (self->bridges), i);

      if (!hawser_bridge_start (bridge, error))
        return FALSE;
    }
  hawser_bus_idle_unclaimed (self->bus);
  return TRUE;
}

static gboolean
start_listeners (HawserAssembly  *self,
                 GError         **error)
{
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->listeners)); i++)
    {
      g_autoptr (HawserListener) listener = g_list_model_get_item (G_LIST_MODEL (self->listeners), i);

      if (!hawser_listener_start (listener, error))
        return FALSE;
    }
  return TRUE;
}

/**
 * hawser_assembly_start:
 * @self: an assembly that was built without an error
 * @error: return location
 *
 * Opens the spool and recovers what it holds, declares policies and topics, starts the sinks, and last opens the listeners:
 * who connects finds everything in place. When something fails, what was started is stopped again and no peer was served.
 *
 * Errors: those of the spool, the sinks and the listeners, with the name of the thing.
 *
 * Returns: %TRUE if all runs
 * Since: 0.1
 */
gboolean
hawser_assembly_start (HawserAssembly  *self,
                       GError         **error)
{
  g_return_val_if_fail (self->is_built && !self->is_started, FALSE);

  self->is_started = TRUE;
  if (start_spool (self, error) && start_topics (self, error) && start_system_topics (self, error) && start_subscriptions (self, error) &&
      start_listeners (self, error))
    return TRUE;
  hawser_assembly_stop (self);
  return FALSE;
}

/**
 * hawser_assembly_reopen:
 * @self: an assembly
 *
 * Tells every sink to let go of the files it holds open by name; see hawser_sink_runner_reopen().
 *
 * Context: that of the bus.
 *
 * Since: 0.1
 */
void
hawser_assembly_reopen (HawserAssembly *self)
{
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->sinks)); i++)
    {
      g_autoptr (HawserSinkRunner) runner = g_list_model_get_item (G_LIST_MODEL (self->sinks), i);

      hawser_sink_runner_reopen (runner);
    }
}

/* ---- ending ---- */

static void
stop_bridges (HawserAssembly *self)
{
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->bridges)); i++)
    {
      g_autoptr (HawserBridge) bridge = g_list_model_get_item (G_LIST_MODEL (self->bridges), i);

      hawser_bridge_stop (bridge);
    }
}

static void
stop_listeners (HawserAssembly *self)
{
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->listeners)); i++)
    {
      g_autoptr (HawserListener) listener = g_list_model_get_item (G_LIST_MODEL (self->listeners), i);

      hawser_listener_stop (listener);
    }
}

/**
 * hawser_assembly_stop:
 * @self: an assembly
 *
 * Stops everything now: listeners, sinks, spool. What is in the spool stays there. A second call does nothing.
 *
 * Since: 0.1
 */
void
hawser_assembly_stop (HawserAssembly *self)
{
  if (!self->is_started)
    return;
  self->is_started = FALSE;
  stop_listeners (self);
  stop_bridges (self);
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->sinks)); i++)
    {
      g_autoptr (HawserSinkRunner) runner = g_list_model_get_item (G_LIST_MODEL (self->sinks), i);

      hawser_sink_runner_stop (runner);
    }
  g_clear_pointer (&self->system_topics, hawser_system_topics_free);
  hawser_bus_close (self->bus);
  if (self->spool != NULL)
    hawser_spool_close (self->spool, 0);
  g_clear_object (&self->spool);
}

typedef struct {
  guint n_sinks;           /* still draining */
  gboolean is_incomplete;
} Drain;

static void
finish_drain (GTask *task)
{
  HawserAssembly *self = g_task_get_source_object (task);
  Drain *drain = g_task_get_task_data (task);

  hawser_assembly_stop (self);
  if (drain->is_incomplete)
    g_task_return_new_error (task, HAWSER_ERROR, HAWSER_ERROR_TIMEOUT,
                             "not everything could be written in time; the rest is in the spool, if there is one");
  else
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
on_spool_flushed (GObject      *source,
                  GAsyncResult *result,
                  gpointer      data)
{
  GTask *task = data;
  Drain *drain = g_task_get_task_data (task);

  if (!hawser_spool_flush_finish (HAWSER_SPOOL (source), result, NULL))
    drain->is_incomplete = TRUE;
  finish_drain (task);
}

static void
on_sink_drained (GObject      *source,
                 GAsyncResult *result,
                 gpointer      data)
{
  GTask *task = data;
  HawserAssembly *self = g_task_get_source_object (task);
  Drain *drain = g_task_get_task_data (task);

  if (!hawser_sink_runner_drain_finish (HAWSER_SINK_RUNNER (source), result, NULL))
    drain->is_incomplete = TRUE;
  if (--drain->n_sinks > 0)
    return;
  if (self->spool != NULL)
    hawser_spool_flush_async (self->spool, g_task_get_cancellable (task), on_spool_flushed, task);
  else
    finish_drain (task);
}

/**
 * hawser_assembly_drain_async:
 * @self: an assembly that was started
 * @cancellable: (nullable): ends the waiting: what is not written by then stays in the spool
 * @callback: called when everything has stopped
 * @user_data: data of @callback
 *
 * Stops in order: listeners accept nobody and tell their peers that the server shuts down; sinks write what is queued; the
 * spool commits; then everything is stopped.
 *
 * Since: 0.1
 */
void
hawser_assembly_drain_async (HawserAssembly      *self,
                             GCancellable        *cancellable,
                             GAsyncReadyCallback  callback,
                             gpointer             user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  Drain *drain = g_new0 (Drain, 1);
  guint n_sinks = g_list_model_get_n_items (G_LIST_MODEL (self->sinks));

  g_task_set_source_tag (task, hawser_assembly_drain_async);
  g_task_set_name (task, "hawser_assembly_drain_async");
  g_task_set_task_data (task, drain, g_free);
  /* A cancelled drain still reports through finish_drain(), after everything has stopped. */
  g_task_set_check_cancellable (task, FALSE);
  if (!self->is_started)
    {
      g_task_return_boolean (task, TRUE);
      g_object_unref (task);
      return;
    }
  stop_listeners (self);
  stop_bridges (self);
  drain->n_sinks = n_sinks;
  for (guint i = 0; i < n_sinks; i++)
    {
      g_autoptr (HawserSinkRunner) runner = g_list_model_get_item (G_LIST_MODEL (self->sinks), i);

      hawser_sink_runner_drain_async (runner, cancellable, on_sink_drained, task);
    }
  if (n_sinks > 0)
    return;
  if (self->spool != NULL)
    hawser_spool_flush_async (self->spool, cancellable, on_spool_flushed, task);
  else
    finish_drain (task);
}

/**
 * hawser_assembly_drain_finish:
 * @self: an assembly
 * @result: what the callback got
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_TIMEOUT when it was cancelled before everything was written.
 *
 * Returns: %TRUE if nothing is left over
 * Since: 0.1
 */
gboolean
hawser_assembly_drain_finish (HawserAssembly  *self,
                              GAsyncResult    *result,
                              GError         **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- looking ---- */

/**
 * hawser_assembly_get_listeners:
 * @self: an assembly
 *
 * Returns: (transfer none): #HawserListener of every listener, those of [admin] last
 * Since: 0.1
 */
GListModel *
hawser_assembly_get_listeners (HawserAssembly *self)
{
  return G_LIST_MODEL (self->listeners);
}

/**
 * hawser_assembly_get_sinks:
 * @self: an assembly
 *
 * Returns: (transfer none): #HawserSinkRunner of every subscription that has a sink
 * Since: 0.1
 */
GListModel *
hawser_assembly_get_sinks (HawserAssembly *self)
{
  return G_LIST_MODEL (self->sinks);
}

/**
 * hawser_assembly_get_bridges:
 * @self: an assembly
 *
 * Returns: (transfer none): #HawserBridge of every [bridge] group
 * Since: 0.1
 */
GListModel *
hawser_assembly_get_bridges (HawserAssembly *self)
{
  return G_LIST_MODEL (self->bridges);
}

/**
 * hawser_assembly_get_config:
 * @self: an assembly
 *
 * Returns: (transfer none): its configuration
 * Since: 0.1
 */
HawserConfig *
hawser_assembly_get_config (HawserAssembly *self)
{
  return self->config;
}

/**
 * hawser_assembly_dup_ready_line:
 * @self: an assembly that was started
 *
 * Returns: (transfer full): `ready` and where each listener is, such as `ready mqtt=tcp:127.0.0.1:1883`
 * Since: 0.1
 */
char *
hawser_assembly_dup_ready_line (HawserAssembly *self)
{
  GString *line = g_string_new ("ready");

  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->listeners)); i++)
    {
      g_autoptr (HawserListener) listener = g_list_model_get_item (G_LIST_MODEL (self->listeners), i);
      g_autofree char *address = hawser_listener_dup_bound_address (listener);

      g_string_append_printf (line, " %s=%s", hawser_listener_get_name (listener), address);
    }
  return g_string_free (line, FALSE);
}
