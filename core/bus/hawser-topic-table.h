/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* All topics of a bus: what is declared for them, a small record for each name in use, and the retained values. A value
 * needs no record: of a million that were published once, only the values are kept. One lane. */

#include "hawser-local-topic-private.h"
#include "hawser-match-tree.h"
#include "hawser-message-private.h"
#include "hawser-route-set.h"

G_BEGIN_DECLS

typedef struct _HawserTopicRecord HawserTopicRecord;

struct _HawserTopicRecord {
  HawserTopicRecord *next;           /* of the bucket */
  HawserLocalTopic *settings;        /* in force: its own, and what wider filters give; NULL: nothing declared */
  HawserTopic *topic;                /* declared under this very name, or NULL */
  HawserMatchNode *retained;         /* where its retained value is; NULL: it has none */
  HawserRouteSet *routes;            /* receivers as of routes_version */
  guint64 routes_version;
  guint64 n_published;
  guint32 settings_version;
  guint32 hash;
  guint32 twin;                      /* that its messages feed, and whether that still holds: see core/twin */
  guint32 twin_check;
  guint16 len;
  guint8 group;                      /* of the first level; see the router */
  guint8 is_listed;                  /* in the list model */
  char name[];
};

typedef struct {
  HawserTopicRecord **buckets;
  guint n_buckets, n_records;        /* n_buckets is a power of two */
  guint n_retained, max_retained;
  guint64 retained_bytes;            /* of the last values, as messages */
  guint n_bare;                      /* retained values whose name has no record */
  guint next_bucket;                 /* where the search for records to give up goes on */
  guint max_records;
  HawserMatchTree *filters;          /* of HawserLocalTopic whose name has wildcards */
  GHashTable *declared;              /* name or filter -> HawserTopic (owned) */
  HawserMatchTree *retained;         /* name -> its retained message (owned), whether it has a record or not */
  guint32 settings_version;          /* goes up when anything declared changes */
  void (*changed) (gpointer data);   /* after each change of settings; NULL: nobody wants to know */
  gpointer changed_data;
  guint32 records_version;           /* goes up when a record is freed: cached pointers are stale */
} HawserTopicTable;

void               hawser_topic_table_init        (HawserTopicTable  *self,
                                                   guint              max_records,
                                                   guint              max_retained);
void               hawser_topic_table_clear       (HawserTopicTable  *self);
gboolean           hawser_topic_table_declare     (HawserTopicTable  *self,
                                                   HawserTopic       *topic,
                                                   GError           **error);
gboolean           hawser_topic_table_undeclare   (HawserTopicTable  *self,
                                                   const char        *name);
HawserTopicRecord *hawser_topic_table_find        (HawserTopicTable  *self,
                                                   const char        *name,
                                                   gsize              len);
/* Makes the record of a valid name; NULL when the table is full of records that hold something. */
HawserTopicRecord *hawser_topic_table_add         (HawserTopicTable  *self,
                                                   const char        *name,
                                                   gsize              len);
void               hawser_topic_table_remove      (HawserTopicTable  *self,
                                                   HawserTopicRecord *record);
/* The metadata in force for a name that may have no record: of the most specific that was declared and, where that does not
 * say something, of the next wider one that does. Until the next change of settings_version. */
HawserLocalTopic  *hawser_topic_table_resolve     (HawserTopicTable  *self,
                                                   const char        *name,
                                                   gsize              len);
/* What is in force for the names that @topic, which was declared, is the most specific of. Until the next change of settings_version. */
HawserLocalTopic  *hawser_topic_table_get_in_force (HawserTopicTable *self,
                                                   HawserLocalTopic  *topic);
/* Whether the first of two filters wins where both match. */
gboolean           hawser_topic_is_more_specific  (const char        *a,
                                                   const char        *b);
/* The last value of a name; @record: its record, or NULL if that is not known. FALSE: there are too many values. */
gboolean           hawser_topic_table_set_retained (HawserTopicTable  *self,
                                                    HawserTopicRecord *record,
                                                    const char        *name,
                                                    gsize              len,
                                                    HawserMessage     *message); /* (transfer none) (nullable) */
HawserMessage     *hawser_topic_table_get_retained (HawserTopicTable  *self,
                                                    const char        *name,
                                                    gsize              len);

static inline guint
hawser_topic_table_get_n_topics (HawserTopicTable *self)
{
  return self->n_records + self->n_bare;
}

static inline HawserLocalTopic *
hawser_topic_table_settings (HawserTopicTable *self, HawserTopicRecord *record)
{
  if (G_UNLIKELY (record->settings_version != self->settings_version))
    {
      record->settings = hawser_topic_table_resolve (self, record->name, record->len);
      record->settings_version = self->settings_version;
    }
  return record->settings;
}

/* The same for a name of which it is not known whether it has a record; NULL: nothing is declared for it. */
static inline HawserLocalTopic *
hawser_topic_table_find_settings (HawserTopicTable *self, const char *name, gsize len)
{
  HawserTopicRecord *record = hawser_topic_table_find (self, name, len);

  return record != NULL ? hawser_topic_table_settings (self, record) : hawser_topic_table_resolve (self, name, len);
}

G_END_DECLS
