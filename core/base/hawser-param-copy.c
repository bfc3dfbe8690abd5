/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Settings from one object to another of its type, for reloads. Context: that of the objects. */

#include "hawser-param-copy-private.h"

/* GLib compares boxed values by address. */
static gboolean
is_same (GParamSpec *pspec, const GValue *a, const GValue *b)
{
  if (G_IS_PARAM_SPEC_BOXED (pspec) && pspec->value_type == G_TYPE_STRV)
    {
      const char * const *x = g_value_get_boxed (a), * const *y = g_value_get_boxed (b);

      return x == y || (x != NULL && y != NULL && g_strv_equal (x, y));
    }
  return g_param_values_cmp (pspec, a, b) == 0;
}

void
hawser_param_copy (GObject *from, GObject *to, const char *except)
{
  guint n;
  g_autofree GParamSpec **pspecs = g_object_class_list_properties (G_OBJECT_GET_CLASS (from), &n);

  g_return_if_fail (G_OBJECT_TYPE (from) == G_OBJECT_TYPE (to));
  for (guint i = 0; i < n; i++)
    {
      g_auto (GValue) wanted = G_VALUE_INIT, present = G_VALUE_INIT;

      if ((pspecs[i]->flags & G_PARAM_READWRITE) != G_PARAM_READWRITE || (pspecs[i]->flags & G_PARAM_CONSTRUCT_ONLY) != 0 || g_strcmp0 (pspecs[i]->name, except) == 0)
        continue;
      g_object_get_property (from, pspecs[i]->name, &wanted);
      g_object_get_property (to, pspecs[i]->name, &present);
      if (!is_same (pspecs[i], &wanted, &present))
        g_object_set_property (to, pspecs[i]->name, &wanted);
    }
}
