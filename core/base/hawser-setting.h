/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* Settings of a plugin that are nothing but a field of its struct: the property is declared once, setting, getting and
 * freeing it are done here. In class_init(), after finalize, set_property and get_property, if there are any, were set:
 *
 *     HAWSER_SETTING (klass, FileSink, path, g_param_spec_string ("path", NULL, "Where to write", NULL, HAWSER_SETTING_FLAGS));
 *
 * Fields are gboolean, int, guint, gint64, guint64, double, the C type of an enumeration, or a char * or char ** (a #GStrv)
 * that belongs to the object; an empty string is NULL. C only. */

#include "hawser-types.h"

G_BEGIN_DECLS

#define HAWSER_SETTING_FLAGS ((GParamFlags) (G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS))

#define HAWSER_SETTING(klass, Type, field, pspec) \
  hawser_setting_install (G_OBJECT_CLASS (klass), G_STRUCT_OFFSET (Type, field), sizeof (((Type *) NULL)->field), (pspec))

/* @offset, @size: of the field in the object; @pspec: (transfer floating). */
HAWSER_AVAILABLE_IN_ALL
void hawser_setting_install (GObjectClass *klass,
                             gsize         offset,
                             gsize         size,
                             GParamSpec   *pspec);

G_END_DECLS
