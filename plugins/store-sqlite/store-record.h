/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

#define STORE_RECORD_HEAD 12

typedef enum {
  STORE_RECORD_MESSAGE = 'M',
  STORE_RECORD_QUEUE = 'Q',
  STORE_RECORD_VALUE = 'V',
  STORE_RECORD_STATE = 'S',
} StoreRecordKind;

/* What one record says; the pointers lead into the bytes it was read from. */
typedef struct {
  StoreRecordKind kind;
  guint64 position;       /* message: its position; state: the highest one; queue, value: number of the commit */
  guint64 n_commits;      /* state */
  guint64 revision;       /* value */
  guint32 store_key;      /* state */
  guint32 size;           /* message */
  guint32 time_s;         /* message */
  guint32 queue;          /* queue */
  guint n_queues;         /* message */
  const guint8 *queues;   /* message: little-endian u32 each */
  const char *space;      /* value; not terminated */
  gsize space_len;
  const char *key;        /* value, queue (its id); not terminated */
  gsize key_len;
  const guint8 *data;
  gsize len;
} StoreRecord;

guint32  store_entry_check         (guint32            queue,
                                    guint64            position,
                                    guint32            size,
                                    guint32            time_s,
                                    gboolean           is_shared);

/* Each fills @out, which keeps its memory from call to call; @key is the store's own number. */
void     store_record_write_message (GByteArray          *out,
                                     guint32              key,
                                     const HawserStoreOp *op);
void     store_record_write_queue   (GByteArray          *out,
                                     guint32              key,
                                     const HawserStoreOp *op,
                                     guint64              n_commits);
void     store_record_write_value   (GByteArray          *out,
                                     guint32              key,
                                     const HawserStoreOp *op,
                                     guint64              n_commits);
void     store_record_write_state   (GByteArray          *out,
                                     guint32              key,
                                     guint64              n_commits,
                                     guint64              last_position);

/* How long the record that may begin here is; 0: none does. The checksum is not looked at. */
gsize    store_record_probe         (const guint8        *bytes,
                                     gsize                len);

/* A pure function over the bytes: FALSE if they are not one sound record. */
gboolean store_record_read          (const guint8        *bytes,
                                     gsize                len,
                                     guint32              key,
                                     StoreRecord         *out_record);
guint32  store_record_get_queue     (const StoreRecord   *self,
                                     guint                index);

G_END_DECLS
