/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-config-group.h"
#include "hawser-config-problem.h"

G_BEGIN_DECLS

#define HAWSER_TYPE_CONFIG (hawser_config_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (HawserConfig, hawser_config, HAWSER, CONFIG, GObject)

HAWSER_AVAILABLE_IN_ALL
HawserConfig      *hawser_config_new           (void);

HAWSER_AVAILABLE_IN_ALL
gboolean           hawser_config_add_file      (HawserConfig          *self,
                                                const char            *path,
                                                GError               **error);
HAWSER_AVAILABLE_IN_ALL
void               hawser_config_add_text      (HawserConfig          *self,
                                                const char            *name,
                                                const char            *text,
                                                gssize                 len);
HAWSER_AVAILABLE_IN_ALL
guint              hawser_config_add_layers    (HawserConfig          *self,
                                                const char            *root);
HAWSER_AVAILABLE_IN_ALL
void               hawser_config_set_type_keys (HawserConfig          *self,
                                                const char            *kind,
                                                const char            *type,
                                                GParamSpec           **pspecs,
                                                guint                  n_pspecs);
HAWSER_AVAILABLE_IN_ALL
gboolean           hawser_config_check         (HawserConfig          *self);

HAWSER_AVAILABLE_IN_ALL
GPtrArray         *hawser_config_list_groups   (HawserConfig          *self,
                                                const char            *kind);
HAWSER_AVAILABLE_IN_ALL
HawserConfigGroup *hawser_config_get_group     (HawserConfig          *self,
                                                const char            *kind,
                                                const char            *name);

HAWSER_AVAILABLE_IN_ALL
GPtrArray         *hawser_config_list_problems (HawserConfig          *self);
HAWSER_AVAILABLE_IN_ALL
char              *hawser_config_report        (HawserConfig          *self);
HAWSER_AVAILABLE_IN_ALL
guint              hawser_config_get_n_errors  (HawserConfig          *self);
HAWSER_AVAILABLE_IN_ALL
guint              hawser_config_get_n_warnings (HawserConfig         *self);
HAWSER_AVAILABLE_IN_ALL
guint              hawser_config_get_n_files   (HawserConfig          *self);

HAWSER_AVAILABLE_IN_ALL
char              *hawser_config_print         (HawserConfig          *self,
                                                gboolean               with_origin);
HAWSER_AVAILABLE_IN_ALL
char              *hawser_config_explain       (HawserConfig          *self,
                                                const char            *path,
                                                GError               **error);
HAWSER_AVAILABLE_IN_ALL
char              *hawser_config_sample        (HawserConfig          *self,
                                                const char            *kind,
                                                const char            *type,
                                                GError               **error);

HAWSER_AVAILABLE_IN_ALL
char              *hawser_config_read_secret   (const char            *credential,
                                                const char            *file,
                                                GError               **error);

G_END_DECLS
