/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define HAWSER_EXPRESSION_MAX_DEPTH 64    /* open brackets and pending 'not's; nobody reads deeper rules */
#define HAWSER_EXPRESSION_MAX_LEN   65536 /* bytes */
#define HAWSER_EXPRESSION_MAX_TERMS 4096

typedef struct _HawserExpression HawserExpression;

typedef enum {
  HAWSER_EXPRESSION_PLAIN,
  HAWSER_EXPRESSION_POINTERS,   /* names may also be JSON Pointers: /battery/volts */
} HawserExpressionFlags;

typedef enum {
  HAWSER_TRUTH_FALSE,
  HAWSER_TRUTH_UNKNOWN,
  HAWSER_TRUTH_TRUE,
} HawserTruth;

/* The value number `index` of the name, or NULL when it has no so many; called with names in the order of their first use. */
typedef const char *(*HawserExpressionLookup) (guint    name,
                                               guint    index,
                                               gpointer user_data);

HawserExpression *hawser_expression_new           (const char              *text,
                                                   HawserExpressionFlags    flags,
                                                   guint                   *out_column,
                                                   GError                 **error);
void              hawser_expression_free          (HawserExpression        *self);
const char       *hawser_expression_get_text      (const HawserExpression  *self);
guint             hawser_expression_get_n_names   (const HawserExpression  *self);
const char       *hawser_expression_get_name      (const HawserExpression  *self,
                                                   guint                    i);
HawserTruth       hawser_expression_evaluate      (const HawserExpression  *self,
                                                   HawserExpressionLookup   lookup,
                                                   gpointer                 user_data,
                                                   char                   **out_explanation);
HawserTruth       hawser_expression_evaluate_open (const HawserExpression  *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HawserExpression, hawser_expression_free)

G_END_DECLS
