/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Bytes that wait for one peer, gathered until the end of the turn. Pure book-keeping: no descriptor is touched here. An
 * idle connection holds no chunk. Context: the lane. */

#include "hawser-output-private.h"

#include <string.h>

#include "hawser-message-private.h"

#define MAX_COPY 65000          /* at once: a chunk's head and these fit the largest chunk of the lane */
#define MAX_CHUNK 65536
#define GROWTH 8                /* the first chunk holds a message; who has more gets larger ones */

struct _HawserOutputChunk {
  HawserOutputChunk *next;
  HawserMessage *message;       /* not NULL: data is its payload and the chunk has no room */
  const guint8 *data;
  gsize start, end, size;
  gsize memory_size;
  guint8 room[];
};

static void
free_chunk (HawserOutputChunk *chunk, HawserLane *lane)
{
  HawserMessage *message = chunk->message;

  hawser_lane_give_chunk (lane, chunk, chunk->memory_size);
  hawser_message_unref (message);
}

static HawserOutputChunk *
append_chunk (HawserOutput *self, HawserLane *lane, gsize min_size)
{
  gsize memory_size;
  HawserOutputChunk *chunk = hawser_lane_take_chunk (lane, min_size, &memory_size);

  chunk->next = NULL;
  chunk->message = NULL;
  chunk->data = chunk->room;
  chunk->start = chunk->end = 0;
  chunk->size = memory_size - sizeof *chunk;
  chunk->memory_size = memory_size;
  if (self->tail != NULL)
    self->tail->next = chunk;
  else
    self->head = chunk;
  self->tail = chunk;
  return chunk;
}

guint8 *
hawser_output_reserve (HawserOutput *self, HawserLane *lane, gsize len)
{
  HawserOutputChunk *chunk = self->tail;
  gsize wanted;

  if (G_LIKELY (chunk != NULL && chunk->message == NULL && chunk->size - chunk->end >= len))
    return chunk->room + chunk->end;
  wanted = chunk != NULL && chunk->message == NULL ? MIN (chunk->memory_size * GROWTH, MAX_CHUNK) : 0;
  return append_chunk (self, lane, MAX (sizeof *chunk + len, wanted))->room;
}

void
hawser_output_commit (HawserOutput *self, gsize len)
{
  self->tail->end += len;
  self->pending += len;
}

void
hawser_output_write (HawserOutput *self, HawserLane *lane, const void *data, gsize len)
{
  const guint8 *bytes = data;

  while (len > 0)
    {
      gsize part = MIN (len, MAX_COPY);

      memcpy (hawser_output_reserve (self, lane, part), bytes, part);
      hawser_output_commit (self, part);
      bytes += part;
      len -= part;
    }
}

void
hawser_output_add_payload (HawserOutput *self, HawserLane *lane, HawserMessage *message)
{
  HawserOutputChunk *chunk;

  if (message->payload_len < HAWSER_LARGE_PAYLOAD)
    {
      hawser_output_write (self, lane, message->payload, message->payload_len);
      return;
    }
  chunk = append_chunk (self, lane, sizeof *chunk);
  chunk->message = hawser_message_ref (message);
  chunk->data = message->payload;
  chunk->end = chunk->size = message->payload_len;
  self->pending += message->payload_len;
}

int
hawser_output_peek (HawserOutput *self, struct iovec *parts, int max, gsize *out_len)
{
  int n = 0;

  *out_len = 0;
  for (HawserOutputChunk *chunk = self->head; chunk != NULL && n < max; chunk = chunk->next)
    if (chunk->end > chunk->start)
      {
        parts[n].iov_base = (gpointer) (chunk->data + chunk->start);
        parts[n].iov_len = chunk->end - chunk->start;
        *out_len += parts[n++].iov_len;
      }
  return n;
}

int
hawser_output_peek_from (HawserOutput *self, gsize skip, struct iovec *parts, int max, gsize *out_len)
{
  int n = 0;

  *out_len = 0;
  for (HawserOutputChunk *chunk = self->head; chunk != NULL && n < max; chunk = chunk->next)
    {
      gsize there = chunk->end - chunk->start, skipped = MIN (there, skip);

      skip -= skipped;
      if (skipped == there)
        continue;
      parts[n].iov_base = (gpointer) (chunk->data + chunk->start + skipped);
      parts[n].iov_len = there - skipped;
      *out_len += parts[n++].iov_len;
    }
  return n;
}

void
hawser_output_consume (HawserOutput *self, HawserLane *lane, gsize len)
{
  self->pending -= len;
  while (len > 0)
    {
      HawserOutputChunk *chunk = self->head;
      gsize there = chunk->end - chunk->start;

      if (len < there)
        {
          chunk->start += len;
          return;
        }
      len -= there;
      self->head = chunk->next;
      if (self->head == NULL)
        self->tail = NULL;
      free_chunk (chunk, lane);
    }
}

void
hawser_output_clear (HawserOutput *self, HawserLane *lane)
{
  while (self->head != NULL)
    {
      HawserOutputChunk *chunk = self->head;

      self->head = chunk->next;
      free_chunk (chunk, lane);
    }
  self->tail = NULL;
  self->pending = 0;
}
