/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Bytes that wait for one peer: chunks of the lane's memory, and payloads that are too large to copy. Knows order and
 * number; when they are sent, and what is too much, is the connection's. One lane. */

#include <sys/uio.h>

#include "hawser-lane-private.h"
#include "hawser-message.h"

G_BEGIN_DECLS

typedef struct _HawserOutputChunk HawserOutputChunk;

typedef struct {
  HawserOutputChunk *head, *tail;
  gsize pending;                 /* bytes */
} HawserOutput;

/* Room for @len bytes, at most 65000; hawser_output_commit() says how many of them were written. */
guint8 *hawser_output_reserve    (HawserOutput   *self,
                                  HawserLane     *lane,
                                  gsize           len);
void    hawser_output_commit     (HawserOutput   *self,
                                  gsize           len);
void    hawser_output_write      (HawserOutput   *self,
                                  HawserLane     *lane,
                                  const void     *data,
                                  gsize           len);
/* The payload of @message: from HAWSER_LARGE_PAYLOAD on by reference. */
void    hawser_output_add_payload (HawserOutput  *self,
                                   HawserLane    *lane,
                                   HawserMessage *message);
/* The first bytes, in at most @max parts. Returns how many parts. */
int     hawser_output_peek       (HawserOutput   *self,
                                  struct iovec   *parts,
                                  int             max,
                                  gsize          *out_len);
/* The same, without the first @skip bytes. */
int     hawser_output_peek_from  (HawserOutput   *self,
                                  gsize           skip,
                                  struct iovec   *parts,
                                  int             max,
                                  gsize          *out_len);
/* The first @len bytes were sent. */
void    hawser_output_consume    (HawserOutput   *self,
                                  HawserLane     *lane,
                                  gsize           len);
void    hawser_output_clear      (HawserOutput   *self,
                                  HawserLane     *lane);

G_END_DECLS
