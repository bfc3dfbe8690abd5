/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-config-problem.h"

G_BEGIN_DECLS

typedef struct _HawserConfigGroup HawserConfigGroup;

#define HAWSER_TYPE_CONFIG_GROUP (hawser_config_group_get_type())
HAWSER_AVAILABLE_IN_ALL
GType              hawser_config_group_get_type         (void) G_GNUC_CONST;

HAWSER_AVAILABLE_IN_ALL
const char        *hawser_config_group_get_kind         (HawserConfigGroup     *self);
HAWSER_AVAILABLE_IN_ALL
const char        *hawser_config_group_get_name         (HawserConfigGroup     *self);
HAWSER_AVAILABLE_IN_ALL
const char        *hawser_config_group_get_title        (HawserConfigGroup     *self);

HAWSER_AVAILABLE_IN_ALL
gboolean           hawser_config_group_has              (HawserConfigGroup     *self,
                                                         const char            *key);
HAWSER_AVAILABLE_IN_ALL
const char        *hawser_config_group_get_string       (HawserConfigGroup     *self,
                                                         const char            *key);
HAWSER_AVAILABLE_IN_ALL
char             **hawser_config_group_get_list         (HawserConfigGroup     *self,
                                                         const char            *key);
HAWSER_AVAILABLE_IN_ALL
gboolean           hawser_config_group_get_boolean      (HawserConfigGroup     *self,
                                                         const char            *key);
HAWSER_AVAILABLE_IN_ALL
guint64            hawser_config_group_get_uint         (HawserConfigGroup     *self,
                                                         const char            *key);
HAWSER_AVAILABLE_IN_ALL
double             hawser_config_group_get_double       (HawserConfigGroup     *self,
                                                         const char            *key);
HAWSER_AVAILABLE_IN_ALL
gint64             hawser_config_group_get_duration_us  (HawserConfigGroup     *self,
                                                         const char            *key);
HAWSER_AVAILABLE_IN_ALL
guint64            hawser_config_group_get_size         (HawserConfigGroup     *self,
                                                         const char            *key);

HAWSER_AVAILABLE_IN_ALL
char             **hawser_config_group_list_keys        (HawserConfigGroup     *self);
HAWSER_AVAILABLE_IN_ALL
char              *hawser_config_group_get_origin       (HawserConfigGroup     *self,
                                                         const char            *key);
HAWSER_AVAILABLE_IN_ALL
void               hawser_config_group_add_problem      (HawserConfigGroup     *self,
                                                         const char            *key,
                                                         HawserConfigSeverity   severity,
                                                         const char            *text);
HAWSER_AVAILABLE_IN_ALL
char              *hawser_config_group_read_secret      (HawserConfigGroup     *self,
                                                         const char            *key,
                                                         GError               **error);

HAWSER_AVAILABLE_IN_ALL
GObject           *hawser_config_group_new_object       (HawserConfigGroup     *self,
                                                         GType                  type,
                                                         GError               **error);
HAWSER_AVAILABLE_IN_ALL
gboolean           hawser_config_group_apply_properties (HawserConfigGroup     *self,
                                                         GObject               *target,
                                                         GError               **error);

HAWSER_AVAILABLE_IN_ALL
HawserConfigGroup *hawser_config_group_ref              (HawserConfigGroup     *self);
HAWSER_AVAILABLE_IN_ALL
void               hawser_config_group_unref            (HawserConfigGroup     *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HawserConfigGroup, hawser_config_group_unref)

G_END_DECLS
