/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Properties that are a field each. Called by class_init() of plugins, and by GObject afterwards; any thread. What a
 * setting may be, and its default, stays with the GParamSpec. */

#include "hawser-setting.h"

static G_DEFINE_QUARK (hawser-setting-offset, offset)
static G_DEFINE_QUARK (hawser-setting-class, class)

/* Of one class; it lives as long as the type, which is for ever. */
typedef struct {
  /* What the class had before: other properties are its own. */
  void (*finalize) (GObject *object);
  void (*set_property) (GObject *object, guint id, const GValue *value, GParamSpec *pspec);
  void (*get_property) (GObject *object, guint id, GValue *value, GParamSpec *pspec);
  GArray *strings, *lists;              /* of gsize: offsets of what is freed */
} SettingClass;

static SettingClass *
find_class (GType type)
{
  SettingClass *own = NULL;

  for (; own == NULL && type != 0; type = g_type_parent (type))
    own = g_type_get_qdata (type, class_quark ());
  return own;
}

/* NULL: it is no setting. */
static gpointer
find_field (GObject *object, GParamSpec *pspec)
{
  gsize offset = GPOINTER_TO_SIZE (g_param_spec_get_qdata (pspec, offset_quark ()));

  return offset != 0 ? (char *) object + offset : NULL;
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  gpointer field = find_field (object, pspec);

  if (field == NULL)
    {
      find_class (G_OBJECT_TYPE (object))->set_property (object, id, value, pspec);
      return;
    }
  switch (G_TYPE_FUNDAMENTAL (pspec->value_type))
    {
    case G_TYPE_BOOLEAN: *(gboolean *) field = g_value_get_boolean (value); break;
    case G_TYPE_INT: *(int *) field = g_value_get_int (value); break;
    case G_TYPE_UINT: *(guint *) field = g_value_get_uint (value); break;
    case G_TYPE_INT64: *(gint64 *) field = g_value_get_int64 (value); break;
    case G_TYPE_UINT64: *(guint64 *) field = g_value_get_uint64 (value); break;
    case G_TYPE_DOUBLE: *(double *) field = g_value_get_double (value); break;
    case G_TYPE_ENUM: *(int *) field = g_value_get_enum (value); break;
    case G_TYPE_BOXED:
      g_strfreev (*(char ***) field);
      *(char ***) field = g_value_dup_boxed (value);
      break;
    case G_TYPE_STRING:
      g_free (*(char **) field);
      *(char **) field = g_value_get_string (value) != NULL && *g_value_get_string (value) != '\0' ? g_value_dup_string (value) : NULL;
      break;
    default: g_assert_not_reached ();
    }
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  gpointer field = find_field (object, pspec);

  if (field == NULL)
    {
      find_class (G_OBJECT_TYPE (object))->get_property (object, id, value, pspec);
      return;
    }
  switch (G_TYPE_FUNDAMENTAL (pspec->value_type))
    {
    case G_TYPE_BOOLEAN: g_value_set_boolean (value, *(gboolean *) field); break;
    case G_TYPE_INT: g_value_set_int (value, *(int *) field); break;
    case G_TYPE_UINT: g_value_set_uint (value, *(guint *) field); break;
    case G_TYPE_INT64: g_value_set_int64 (value, *(gint64 *) field); break;
    case G_TYPE_UINT64: g_value_set_uint64 (value, *(guint64 *) field); break;
    case G_TYPE_DOUBLE: g_value_set_double (value, *(double *) field); break;
    case G_TYPE_ENUM: g_value_set_enum (value, *(int *) field); break;
    case G_TYPE_STRING: g_value_set_string (value, *(char **) field); break;
    case G_TYPE_BOXED: g_value_set_boxed (value, *(char ***) field); break;
    default: g_assert_not_reached ();
    }
}

static void
finalize (GObject *object)
{
  SettingClass *own = find_class (G_OBJECT_TYPE (object));

  own->finalize (object); /* the memory is there until the last finalize has returned */
  for (guint i = 0; i < own->strings->len; i++)
    g_free (*(char **) ((char *) object + g_array_index (own->strings, gsize, i)));
  for (guint i = 0; i < own->lists->len; i++)
    g_strfreev (*(char ***) ((char *) object + g_array_index (own->lists, gsize, i)));
}

static gsize
find_size (GType type)
{
  if (type == G_TYPE_STRV)
    return sizeof (char **);
  switch (G_TYPE_FUNDAMENTAL (type))
    {
    case G_TYPE_BOOLEAN: return sizeof (gboolean);
    case G_TYPE_INT:
    case G_TYPE_UINT:
    case G_TYPE_ENUM: return sizeof (int);
    case G_TYPE_INT64:
    case G_TYPE_UINT64: return sizeof (gint64);
    case G_TYPE_DOUBLE: return sizeof (double);
    case G_TYPE_STRING: return sizeof (char *);
    default: return 0;
    }
}

void
hawser_setting_install (GObjectClass *klass, gsize offset, gsize size, GParamSpec *pspec)
{
  SettingClass *own = g_type_get_qdata (G_OBJECT_CLASS_TYPE (klass), class_quark ());

  g_return_if_fail (find_size (pspec->value_type) == size);
  if (own == NULL)
    {
      own = g_new0 (SettingClass, 1);
      own->finalize = klass->finalize;
      own->set_property = klass->set_property;
      own->get_property = klass->get_property;
      own->strings = g_array_new (FALSE, FALSE, sizeof (gsize));
      own->lists = g_array_new (FALSE, FALSE, sizeof (gsize));
      g_type_set_qdata (G_OBJECT_CLASS_TYPE (klass), class_quark (), own);
      klass->set_property = set_property;
      klass->get_property = get_property;
      klass->finalize = finalize;
    }
  if (pspec->value_type == G_TYPE_STRING)
    g_array_append_val (own->strings, offset);
  if (pspec->value_type == G_TYPE_STRV)
    g_array_append_val (own->lists, offset);
  g_param_spec_set_qdata (pspec, offset_quark (), GSIZE_TO_POINTER (offset));
  g_object_class_install_property (klass, 1, pspec); /* told apart by their specifications, not by number */
}
