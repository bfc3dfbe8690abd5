/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define HAWSER_GLOB_MAX_SUBSTITUTIONS 4

typedef struct _HawserGlob HawserGlob;

HawserGlob *hawser_glob_new                 (const char         *pattern,
                                             gboolean            is_topic,
                                             gsize              *out_error_offset,
                                             GError            **error);
void        hawser_glob_free                (HawserGlob         *self);
guint       hawser_glob_get_n_substitutions (const HawserGlob   *self);
const char *hawser_glob_get_substitution    (const HawserGlob   *self,
                                             guint               i);
gboolean    hawser_glob_matches             (const HawserGlob   *self,
                                             const char         *value,
                                             const char * const *substituted);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HawserGlob, hawser_glob_free)

G_END_DECLS
