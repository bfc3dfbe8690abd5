/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The interface of one twin, for whoever holds an object of it: a program with a window, a script. The twins of a bus are made
 * objects only while somebody holds them (hawser-local-twin.c). Context: the bus's. */

#include "hawser-twin.h"

#include <string.h>

#include "hawser-json-pointer.h"

G_DEFINE_INTERFACE (HawserTwin, hawser_twin, G_TYPE_OBJECT)

static const GEnumValue states[] = {
  { HAWSER_TWIN_STATE_OFFLINE, "HAWSER_TWIN_STATE_OFFLINE", "offline" },
  { HAWSER_TWIN_STATE_STALE, "HAWSER_TWIN_STATE_STALE", "stale" },
  { HAWSER_TWIN_STATE_ONLINE, "HAWSER_TWIN_STATE_ONLINE", "online" },
  { 0, NULL, NULL },
};

GType
hawser_twin_state_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("HawserTwinState", states));
  return type;
}

/**
 * hawser_twin_state_to_nick:
 * @state: a state
 *
 * Context: any thread.
 *
 * Returns: `online`, `stale` or `offline`
 * Since: 0.1
 */
const char *
hawser_twin_state_to_nick (HawserTwinState state)
{
  return states[MIN (state, HAWSER_TWIN_STATE_ONLINE)].value_nick;
}

static void
hawser_twin_default_init (HawserTwinInterface *iface)
{
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  g_object_interface_install_property (iface, g_param_spec_string ("id", "Id", "Its name in the fleet", NULL, flags));
  g_object_interface_install_property (iface, g_param_spec_string ("parent", "Parent", "Id of the twin above it", NULL, flags));
  g_object_interface_install_property (iface, g_param_spec_string ("title", "Title", "Name for people", NULL, flags));
  g_object_interface_install_property (iface, g_param_spec_enum ("state", "State", "Whether the thing is there", HAWSER_TYPE_TWIN_STATE,
                                                                 HAWSER_TWIN_STATE_OFFLINE, flags));
  g_object_interface_install_property (iface, g_param_spec_uint64 ("revision", "Revision", "Goes up with each change", 0, G_MAXUINT64, 0, flags));

  /**
   * HawserTwin::changed:
   * @self: a twin
   *
   * Something of it changed since the last time; at most once in 100 ms.
   *
   * Since: 0.1
   */
  g_signal_new ("changed", HAWSER_TYPE_TWIN, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

/**
 * hawser_twin_dup_id: (get-property id)
 * @self: a twin
 *
 * Returns: (transfer full): its id
 * Since: 0.1
 */
char *
hawser_twin_dup_id (HawserTwin *self)
{
  char *id;

  g_object_get (self, "id", &id, NULL);
  return id;
}

/**
 * hawser_twin_dup_parent: (get-property parent)
 * @self: a twin
 *
 * Returns: (transfer full) (nullable): the id of the twin above it
 * Since: 0.1
 */
char *
hawser_twin_dup_parent (HawserTwin *self)
{
  char *parent;

  g_object_get (self, "parent", &parent, NULL);
  return parent;
}

/**
 * hawser_twin_get_state: (get-property state)
 * @self: a twin
 *
 * Returns: whether it is there
 * Since: 0.1
 */
HawserTwinState
hawser_twin_get_state (HawserTwin *self)
{
  HawserTwinState state;

  g_object_get (self, "state", &state, NULL);
  return state;
}

/**
 * hawser_twin_get_revision: (get-property revision)
 * @self: a twin
 *
 * Returns: a number that goes up with each change
 * Since: 0.1
 */
guint64
hawser_twin_get_revision (HawserTwin *self)
{
  guint64 revision;

  g_object_get (self, "revision", &revision, NULL);
  return revision;
}

/**
 * hawser_twin_dup_json:
 * @self: a twin
 *
 * Returns: (transfer full) (nullable): all of it in the shape of the wire; %NULL when it is no longer there
 * Since: 0.1
 */
char *
hawser_twin_dup_json (HawserTwin *self)
{
  g_return_val_if_fail (HAWSER_IS_TWIN (self), NULL);
  return HAWSER_TWIN_GET_IFACE (self)->dup_json (self);
}

/* Scalars as themselves, anything else as its JSON text. */
static GVariant *
to_variant (const HawserJsonSlice *value)
{
  gboolean boolean;
  double number;
  char *text;

  if (hawser_json_slice_get_boolean (value, &boolean))
    return g_variant_new_boolean (boolean);
  if (hawser_json_slice_get_double (value, &number))
    return g_variant_new_double (number);
  text = value->type == HAWSER_JSON_STRING ? hawser_json_slice_dup_string (value) : g_strndup (value->text, value->len);
  return text != NULL ? g_variant_new_take_string (text) : NULL;
}

/**
 * hawser_twin_dup_property:
 * @self: a twin
 * @path: a JSON Pointer into its JSON, such as `/attributes/place`; or a bare name: the value of that reported property
 *
 * Returns: (transfer full) (nullable): a boolean, double or string, objects and arrays as JSON text; %NULL when there is none
 * Since: 0.1
 */
GVariant *
hawser_twin_dup_property (HawserTwin *self, const char *path)
{
  g_autofree char *json = hawser_twin_dup_json (self);
  g_autofree char *pointer = NULL;
  HawserJsonSlice value;
  GVariant *variant;

  if (json == NULL)
    return NULL;
  if (*path == '/')
    pointer = g_strdup (path);
  else
    {
      g_autoptr (GString) escaped = g_string_new (path);

      g_string_replace (escaped, "~", "~0", 0);
      g_string_replace (escaped, "/", "~1", 0);
      pointer = g_strdup_printf ("/reported/%s/value", escaped->str);
    }
  if (!hawser_json_pointer_get (pointer, json, strlen (json), &value) || value.type == HAWSER_JSON_NULL)
    return NULL;
  variant = to_variant (&value);
  return variant != NULL ? g_variant_ref_sink (variant) : NULL;
}

/**
 * hawser_twin_get_children:
 * @self: a twin
 *
 * Returns: (transfer none) (nullable): #HawserTwin below it, %NULL for a leaf: what a #GtkTreeListModel asks for
 * Since: 0.1
 */
GListModel *
hawser_twin_get_children (HawserTwin *self)
{
  g_return_val_if_fail (HAWSER_IS_TWIN (self), NULL);
  return HAWSER_TWIN_GET_IFACE (self)->get_children (self);
}

/**
 * hawser_twin_patch:
 * @self: a twin
 * @patch: JSON merge patch (RFC 7396) of `parent`, `reported`, `desired` and `attributes`
 * @error: return location
 *
 * Errors: as hawser_twins_patch().
 *
 * Returns: %TRUE if it is applied
 * Since: 0.1
 */
gboolean
hawser_twin_patch (HawserTwin *self, const char *patch, GError **error)
{
  g_return_val_if_fail (HAWSER_IS_TWIN (self), FALSE);
  return HAWSER_TWIN_GET_IFACE (self)->patch (self, patch, error);
}
