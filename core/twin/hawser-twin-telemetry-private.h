/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-twins-private.h"

G_BEGIN_DECLS

/* One thing that a pack of measurements says (RFC 8428). Strings point into the payload or into a buffer of the reader, and are
 * valid during the call. */
typedef enum {
  HAWSER_SENML_NUMBER,
  HAWSER_SENML_BOOLEAN,
  HAWSER_SENML_TEXT,
} HawserSenmlType;

typedef struct {
  HawserSenmlType type;
  const char *base_name, *name;      /* not terminated; the name of the thing is both, one after the other */
  gsize base_len, name_len;
  double number;
  gboolean boolean;
  const char *text;                  /* of a text: UTF-8, not terminated */
  gsize len;
  double time_s;                     /* since 1970, or before now if below 2^28; 0: now */
} HawserSenmlRecord;

typedef void (*HawserSenmlFunc) (const HawserSenmlRecord *record, gpointer data);

#define HAWSER_SENML_MAX_RECORDS 4096

/* Pure functions over bytes: TRUE if the whole pack is sound; what was found is told before that is known. */
gboolean hawser_senml_read_json       (const char              *text,
                                       gsize                    len,
                                       HawserSenmlFunc          func,
                                       gpointer                 data);
gboolean hawser_senml_read_cbor       (const guint8            *bytes,
                                       gsize                    len,
                                       HawserSenmlFunc          func,
                                       gpointer                 data);

/* The numbers of the members of a flat object that @family maps: values[i] is set for columns[i]; as many as returned, -1 when
 * the text is not one JSON object. */
int      hawser_twin_read_mapped      (const HawserTwinFamily  *family,
                                       const char              *text,
                                       gsize                    len,
                                       int                     *columns,
                                       double                  *values);
/* `online`, `offline`, `stale` or `1`, `0`, or an object with one of them as its `state` or `status`. */
gboolean hawser_twin_read_status      (const guint8            *payload,
                                       gsize                    len,
                                       HawserTwinState         *out_state);

void     hawser_twin_take_telemetry   (HawserTwins             *self,
                                       HawserTwinRef            twin,
                                       HawserMessage           *message,
                                       const HawserTwinReport  *report);

G_END_DECLS
