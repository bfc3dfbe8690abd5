/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Makes the properties of plugin types known to a configuration. Only the types that groups name are asked for, so a module
 * that nobody uses is never opened. For the thread that owns the configuration. */

#include "hawser-config-types.h"

#include <string.h>

#include "hawser-bridge.h"
#include "hawser-config-private.h"
#include "hawser-error.h"
#include "hawser-listener.h"
#include "hawser-sink-runner.h"

static const struct {
  const char *kind;
  const char *role;
  GType (*get_host_type) (void);   /* what runs the role and has settings of its own; NULL: nothing */
} roles[] = {
  { "listener", "protocol", hawser_listener_get_type },
  { "subscription", "sink", hawser_sink_runner_get_type },
  { "bridge", "bridge", hawser_bridge_get_type },
  { "identity", "identity", NULL },
  { "store", "store", NULL },
  { "twin", "twin", NULL },
  { "twin-family", "twin", NULL },
};

/**
 * hawser_config_kind_to_role:
 * @kind: a kind of group
 *
 * Returns: (nullable): the plugin role that `type=` of such a group picks from; %NULL when the kind has no `type=`
 * Since: 0.1
 */
const char *
hawser_config_kind_to_role (const char *kind)
{
  for (gsize i = 0; i < G_N_ELEMENTS (roles); i++)
    if (strcmp (roles[i].kind, kind) == 0)
      return roles[i].role;
  return NULL;
}

/* The properties of @type that a configuration may set; those of a host are made with it, unless they can change later. */
static void
add_properties (GPtrArray *pspecs,
                GType      type,
                gboolean   is_host)
{
  GObjectClass *klass = g_type_class_ref (type);
  g_autofree GParamSpec **all = NULL;
  guint n_all = 0;

  all = g_object_class_list_properties (klass, &n_all);
  for (guint i = 0; i < n_all; i++)
    if ((all[i]->flags & G_PARAM_WRITABLE) != 0 && (!is_host || (all[i]->flags & G_PARAM_CONSTRUCT_ONLY) == 0))
      g_ptr_array_add (pspecs, all[i]);
  g_type_class_unref (klass);
}

static GType
get_host_type (const char *kind)
{
  for (gsize i = 0; i < G_N_ELEMENTS (roles); i++)
    if (strcmp (roles[i].kind, kind) == 0 && roles[i].get_host_type != NULL)
      return roles[i].get_host_type ();
  return G_TYPE_INVALID;
}

/**
 * hawser_config_load_type:
 * @self: a configuration
 * @registry: where plugins are
 * @kind: a kind of group
 * @type: what its `type=` says
 * @error: return location
 *
 * Opens the plugin of one type and makes its properties, and those of what runs it, keys of the groups that name it.
 *
 * Errors: %HAWSER_ERROR_NOT_FOUND when no plugin has the type, others when its module cannot be opened.
 *
 * Returns: %TRUE if the type is known now
 * Since: 0.1
 */
gboolean
hawser_config_load_type (HawserConfig          *self,
                         HawserPluginRegistry  *registry,
                         const char            *kind,
                         const char            *type,
                         GError               **error)
{
  const char *role = hawser_config_kind_to_role (kind);
  g_autoptr (GPtrArray) pspecs = g_ptr_array_new ();
  GType gtype;

  if (role == NULL)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND, "a [%s] group has no type", kind);
      return FALSE;
    }
  gtype = hawser_plugin_registry_get_gtype (registry, role, type, error);
  if (gtype == G_TYPE_INVALID)
    return FALSE;
  add_properties (pspecs, gtype, FALSE);
  if (get_host_type (kind) != G_TYPE_INVALID)
    add_properties (pspecs, get_host_type (kind), TRUE);
  hawser_config_set_type_keys (self, kind, type, (GParamSpec **) pspecs->pdata, pspecs->len);
  return TRUE;
}

/* What a mistyped name may have meant: the types of @kind that the key files of plugins name. */
static void
note_offered (HawserConfig         *self,
              HawserPluginRegistry *registry,
              const char           *kind)
{
  GListModel *plugins = hawser_plugin_registry_get_plugins (registry);
  const char *role = hawser_config_kind_to_role (kind);

  for (guint i = 0; i < g_list_model_get_n_items (plugins); i++)
    {
      g_autoptr (HawserPlugin) plugin = g_list_model_get_item (plugins, i);
      const char * const *types = hawser_plugin_get_types (plugin);

      if (!g_strv_contains (hawser_plugin_get_roles (plugin), role))
        continue;
      for (guint t = 0; types != NULL && types[t] != NULL; t++)
        hawser_config_note_offered (self, kind, types[t]);
    }
}

/**
 * hawser_config_load_types:
 * @self: a configuration with all its texts
 * @registry: where plugins are
 *
 * Opens the plugins of all types that groups name. A type that no plugin has is left to hawser_config_check(); a plugin that
 * is there and cannot be opened is a problem with its reason: an error, or a warning with `on-plugin-error=skip`.
 *
 * Returns: how many types are known now
 * Since: 0.1
 */
guint
hawser_config_load_types (HawserConfig         *self,
                          HawserPluginRegistry *registry)
{
  g_autoptr (GPtrArray) groups = hawser_config_list_groups (self, NULL);
  gboolean is_fatal = g_strcmp0 (hawser_config_group_get_string (hawser_config_get_group (self, "hawser", NULL), "on-plugin-error"),
                                 "skip") != 0;
  guint n_types = 0;

  for (guint i = 0; i < groups->len; i++)
    {
      HawserConfigGroup *group = groups->pdata[i];
      const char *kind = hawser_config_group_get_kind (group);
      const char *type;
      g_autoptr (GError) error = NULL;

      if (hawser_config_kind_to_role (kind) == NULL || !hawser_config_group_has (group, "type"))
        continue;
      type = hawser_config_group_get_string (group, "type");
      if (type == NULL || *type == '\0')
        continue;
      if (hawser_config_load_type (self, registry, kind, type, &error))
        n_types++;
      else if (g_error_matches (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND))
        note_offered (self, registry, kind);
      else
        hawser_config_group_add_problem (group, "type", is_fatal ? HAWSER_CONFIG_SEVERITY_ERROR : HAWSER_CONFIG_SEVERITY_WARNING,
                                         error->message);
    }
  return n_types;
}
