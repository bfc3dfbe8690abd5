/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

typedef enum {
  HAWSER_KEY_STRING,
  HAWSER_KEY_LIST,
  HAWSER_KEY_BOOLEAN,
  HAWSER_KEY_INTEGER,
  HAWSER_KEY_NUMBER,
  HAWSER_KEY_DURATION,    /* range in microseconds */
  HAWSER_KEY_SIZE,        /* range in bytes */
  HAWSER_KEY_WORD,        /* one of `words` */
  HAWSER_KEY_DATE,        /* RFC 3339 */
  HAWSER_KEY_TOPIC,
  HAWSER_KEY_FILTER,
  HAWSER_KEY_FILTERS,
  HAWSER_KEY_ADDRESS,
  HAWSER_KEY_ADDRESSES,
  HAWSER_KEY_POLICY,      /* an expression */
  HAWSER_KEY_CONDITION,   /* an expression over a document */
  HAWSER_KEY_REFERENCE,   /* the name of a group of kind `words` */
  HAWSER_KEY_REFERENCES,
  HAWSER_KEY_FILE,
  HAWSER_KEY_SECRET_FILE,
  HAWSER_KEY_CREDENTIAL,
} HawserKeyType;

typedef struct {
  const char *kind;
  const char *key;
  HawserKeyType type;
  const char *default_text;   /* NULL: none */
  double minimum, maximum;    /* of numbers; both 0: no range */
  const char *words;          /* space-separated */
  gboolean is_hot;            /* a reload applies it without a restart of the thing */
  const char *description;
} HawserConfigKey;

typedef struct {
  const char *kind;
  gboolean is_named;
  const char *required;       /* keys, space-separated */
  gboolean has_type;          /* `type=` picks a plugin */
  const char *description;
} HawserConfigKind;

extern const HawserConfigKey hawser_config_keys[];
extern const HawserConfigKind hawser_config_kinds[];

const HawserConfigKind *hawser_config_find_kind      (const char      *kind);
const HawserConfigKey  *hawser_config_find_core_key  (const char      *kind,
                                                      const char      *key);
const char             *hawser_config_key_type_name  (HawserKeyType    type);
char                   *hawser_config_key_range      (const HawserConfigKey *key);

G_END_DECLS
