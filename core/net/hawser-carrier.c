/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A socket on a side lane. What crosses between the lanes is a parcel that goes there and comes back: a block of input
 * returns when it was consumed, which is how the reader is bounded; a chain of output returns when it was sent, with its
 * memory, which is how the writer is. Orders (pause, hold, upgrade, close) travel the same ways, so that everything happens in
 * the order in which it was asked for. Meaning is the connection's. Context: functions named on_… run on the side lane,
 * …_arrived on the home lane, the header's on the home lane. */

#include "hawser-carrier-private.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "hawser-connection-private.h"

#define MAX_READS 4                /* of one socket a turn, as on the bus's lane */
#define N_BLOCKS 4                 /* of one read */
#define BLOCK_SIZE 65536
#define WORTH_A_COPY 8192          /* less is copied into a block of its size, so that a slow consumer holds what it holds */
#define MAX_AHEAD (256 * 1024)     /* of one socket; then it is not read until half of that came back */

typedef struct {
  HawserParcel parcel;
  HawserCarrier *carrier;          /* on the way back NULL: it is gone */
  HawserSideLane *side;
  gsize memory_size;
  gsize len;
  guint8 data[];
} Input;

typedef struct {
  HawserParcel parcel;
  HawserCarrier *carrier;
  gsize memory_size;
  HawserOutput output;
  gsize sent;                      /* the side lane's */
} Output;

/* An order, or news. */
typedef struct {
  HawserParcel parcel;
  HawserCarrier *carrier;
  GByteArray *bytes;
  gboolean flag;
  gssize n;
  int error_number;
  char *address;
  GBytes *certificate;
  char *psk_identity;
} Note;

struct _HawserCarrier {
  HawserSideLane *side;

  /* The home lane's. */
  const HawserCarrierFuncs *funcs; /* NULL: closed */
  gpointer user_data;
  HawserParcel *input, **input_tail; /* Input and Note, in order, kept by a pause */
  gsize pending;
  GBytes *certificate;
  char *psk_identity;
  char *address;
  gboolean is_encrypted;
  gboolean is_paused;
  gboolean is_giving;
  gboolean has_last_words;

  /* The side lane's. */
  HawserSocket socket;
  HawserDirty dirty;
  HawserReadAhead read_ahead;
  Output *output, **output_tail;
  gsize ahead;
  GByteArray *proxy;
  gboolean is_opening;
  gboolean was_paused;             /* as far as is known there */
  gboolean is_held;
  gboolean is_ended;               /* no more input, the other lane was told */
  gboolean is_broken;              /* no more output */
  gboolean is_detached;            /* from epoll, which would tell of a hang-up again and again */

  HawserParcel closing;            /* goes there, comes back, and that was all */
};

static Note *
note_new (HawserCarrier *carrier, void (*arrive) (HawserParcel *parcel))
{
  Note *note = g_new0 (Note, 1);

  note->parcel.arrive = arrive;
  note->carrier = carrier;
  return note;
}

static void
go_out (HawserCarrier *self, HawserParcel *parcel)
{
  hawser_handover_put (hawser_side_lane_get_out (self->side), parcel);
}

static void
go_back (HawserCarrier *self, HawserParcel *parcel)
{
  hawser_handover_put (hawser_side_lane_get_back (self->side), parcel);
}

static HawserLane *
side_lane (HawserCarrier *self)
{
  return hawser_side_lane_get_lane (self->side);
}

static HawserLane *
home_lane (HawserCarrier *self)
{
  return hawser_side_lane_get_home (self->side);
}

/* ---- The home lane: input ---- */

static void on_input_back (HawserParcel *parcel);
static void input_arrived (HawserParcel *parcel);
static void end_arrived (HawserParcel *parcel);

static void
give_back (Input *input, gboolean is_gone)
{
  HawserSideLane *side = input->side;

  if (is_gone)
    input->carrier = NULL;
  input->parcel.arrive = on_input_back;
  hawser_handover_put (hawser_side_lane_get_out (side), &input->parcel);
}

static void
tell_end (HawserCarrier *self, Note *note)
{
  self->has_last_words = note->flag;
  errno = note->error_number;
  self->funcs->ended (self->user_data, note->n);
}

static void
give_one (HawserCarrier *self, HawserParcel *parcel)
{
  if (parcel->arrive == input_arrived)
    {
      Input *input = (Input *) parcel;

      self->funcs->input (self->user_data, input->data, input->len);
      give_back (input, self->funcs == NULL);
      return;
    }
  if (parcel->arrive == end_arrived)
    tell_end (self, (Note *) parcel);
  else
    self->funcs->held (self->user_data);
  g_free (parcel);
}

void
hawser_carrier_give_input (HawserCarrier *self)
{
  if (self->is_giving)
    return; /* a pause inside the call ended inside the call: the loop below goes on */
  self->is_giving = TRUE;
  while (self->input != NULL && self->funcs != NULL && !self->is_paused)
    {
      HawserParcel *parcel = self->input;

      self->input = parcel->next;
      if (self->input == NULL)
        self->input_tail = &self->input;
      give_one (self, parcel);
    }
  self->is_giving = FALSE;
}

static void
queue_input (HawserCarrier *self, HawserParcel *parcel)
{
  *self->input_tail = parcel;
  self->input_tail = &parcel->next;
  hawser_carrier_give_input (self);
}

static void
input_arrived (HawserParcel *parcel)
{
  Input *input = (Input *) parcel;

  if (input->carrier->funcs == NULL)
    give_back (input, TRUE);
  else
    queue_input (input->carrier, parcel);
}

static void
end_arrived (HawserParcel *parcel)
{
  HawserCarrier *self = ((Note *) parcel)->carrier;

  if (self->funcs != NULL)
    queue_input (self, parcel);
  else
    g_free (parcel);
}

static void
held_arrived (HawserParcel *parcel)
{
  end_arrived (parcel);
}

/* Whoever is paused has to know as well. */
static void
hang_up_arrived (HawserParcel *parcel)
{
  HawserCarrier *self = ((Note *) parcel)->carrier;

  if (self->funcs != NULL)
    tell_end (self, (Note *) parcel);
  g_free (parcel);
}

static void
opened_arrived (HawserParcel *parcel)
{
  Note *note = (Note *) parcel;
  HawserCarrier *self = note->carrier;

  self->address = note->address;
  self->certificate = note->certificate;
  self->psk_identity = note->psk_identity;
  if (self->funcs != NULL)
    self->funcs->opened (self->user_data);
  g_free (note);
}

/* ---- The home lane: output and the end ---- */

static void
output_arrived (HawserParcel *parcel)
{
  Output *output = (Output *) parcel;
  HawserCarrier *self = output->carrier;

  self->pending -= output->output.pending;
  hawser_output_clear (&output->output, home_lane (self));
  hawser_lane_give_chunk (home_lane (self), output, output->memory_size);
  if (self->funcs != NULL)
    self->funcs->sent (self->user_data);
}

static void
gone_arrived (HawserParcel *parcel)
{
  HawserCarrier *self = (HawserCarrier *) ((char *) parcel - G_STRUCT_OFFSET (HawserCarrier, closing));

  g_clear_pointer (&self->certificate, g_bytes_unref);
  g_free (self->psk_identity);
  g_free (self->address);
  g_free (self);
}

/* ---- The side lane: input ---- */

static void
end_input (HawserCarrier *self, gssize n, void (*arrive) (HawserParcel *parcel))
{
  Note *note = note_new (self, arrive);

  note->n = n;
  note->error_number = errno;
  note->flag = n < 0 && self->socket.transport != NULL && self->socket.transport->has_last_words;
  self->is_ended = TRUE;
  go_back (self, &note->parcel);
}

static gboolean
may_read (HawserCarrier *self)
{
  return self->is_opening || !(self->was_paused || self->is_held || self->is_ended || self->is_broken);
}

static void
ship (HawserCarrier *self, Input *input, gsize len)
{
  input->parcel.arrive = input_arrived;
  input->carrier = self;
  input->side = self->side;
  input->len = len;
  self->ahead += len;
  hawser_side_lane_count_ahead (self->side, (gssize) len);
  go_back (self, &input->parcel);
}

static Input *
take_input (HawserCarrier *self, gsize len)
{
  gsize size;
  Input *input = hawser_lane_take_chunk (side_lane (self), sizeof (Input) + len, &size);

  input->memory_size = size;
  return input;
}

/* One read, into as many blocks as it fills. FALSE: enough for now. */
static gboolean
read_some (HawserCarrier *self)
{
  Input *blocks[N_BLOCKS];
  struct iovec parts[N_BLOCKS];
  int n_parts = self->socket.transport != NULL ? 1 : N_BLOCKS;
  gsize room = 0, left;
  gssize n;
  int error_number;

  for (int i = 0; i < n_parts; i++)
    {
      blocks[i] = take_input (self, BLOCK_SIZE - sizeof (Input));
      parts[i].iov_base = blocks[i]->data;
      parts[i].iov_len = blocks[i]->memory_size - sizeof (Input);
      room += parts[i].iov_len;
    }
  n = hawser_socket_read (&self->socket, side_lane (self), parts, n_parts);
  error_number = errno;
  left = (gsize) MAX (n, 0);
  for (int i = 0; i < n_parts; i++)
    {
      gsize len = MIN (left, parts[i].iov_len);

      left -= len;
      if (len > 0 && len <= WORTH_A_COPY)
        {
          Input *small = take_input (self, len);

          memcpy (small->data, blocks[i]->data, len);
          ship (self, small, len);
        }
      else if (len > 0)
        ship (self, g_steal_pointer (&blocks[i]), len);
      if (blocks[i] != NULL)
        hawser_lane_give_chunk (side_lane (self), blocks[i], blocks[i]->memory_size);
    }
  errno = error_number;
  if (n == 0 || (n < 0 && errno != EAGAIN))
    end_input (self, n, end_arrived);
  else if (n < 0)
    hawser_socket_note_empty (&self->socket, side_lane (self));
  return (gsize) n == room || (n > 0 && (self->is_detached || (self->socket.transport != NULL && !self->socket.transport->is_drained)));
}

static void update_reading (HawserCarrier *self);

static void
read_all (HawserCarrier *self)
{
  for (int reads = 0; reads < MAX_READS || self->is_detached || hawser_socket_has_pending (&self->socket); reads++)
    if (!may_read (self) || self->ahead >= MAX_AHEAD || !hawser_side_lane_may_read (self->side) || !read_some (self))
      break;
  update_reading (self);
}

/* After anything that may_read() depends on has changed. */
static void
update_reading (HawserCarrier *self)
{
  gboolean may = may_read (self), is_behind = self->ahead >= (self->socket.wants_input ? MAX_AHEAD : MAX_AHEAD / 2);

  if (may && !is_behind && !hawser_side_lane_may_read (self->side))
    {
      hawser_side_lane_wait (self->side, &self->read_ahead);
      is_behind = TRUE;
    }
  if ((may && !is_behind) == self->socket.wants_input)
    return;
  hawser_socket_want_input (&self->socket, side_lane (self), may && !is_behind);
  if (self->socket.wants_input && (self->is_detached || hawser_socket_has_pending (&self->socket)))
    read_all (self); /* epoll does not know of these */
}

static void
on_less_ahead (HawserReadAhead *waiting)
{
  update_reading ((HawserCarrier *) ((char *) waiting - G_STRUCT_OFFSET (HawserCarrier, read_ahead)));
}

static void
on_input_back (HawserParcel *parcel)
{
  Input *input = (Input *) parcel;
  HawserCarrier *self = input->carrier;
  HawserSideLane *side = input->side;
  gsize len = input->len;

  hawser_lane_give_chunk (hawser_side_lane_get_lane (side), input, input->memory_size);
  if (self != NULL)
    {
      self->ahead -= len;
      update_reading (self);
    }
  hawser_side_lane_count_ahead (side, -(gssize) len);
}

/* ---- The side lane: output ---- */

static void
send_back (HawserCarrier *self)
{
  Output *output = self->output;

  self->output = (Output *) output->parcel.next;
  if (self->output == NULL)
    self->output_tail = &self->output;
  output->parcel.arrive = output_arrived;
  go_back (self, &output->parcel);
}

static int
gather (HawserCarrier *self, struct iovec *parts, gsize *out_len)
{
  int n = 0;

  *out_len = 0;
  for (Output *output = self->output; output != NULL && n < HAWSER_SOCKET_MAX_PARTS; output = (Output *) output->parcel.next)
    {
      gsize len;

      n += hawser_output_peek_from (&output->output, output->sent, parts + n, HAWSER_SOCKET_MAX_PARTS - n, &len);
      *out_len += len;
    }
  return n;
}

static void
note_sent (HawserCarrier *self, gsize len)
{
  while (len > 0)
    {
      gsize part = MIN (len, self->output->output.pending - self->output->sent);

      self->output->sent += part;
      len -= part;
      if (self->output->sent == self->output->output.pending)
        send_back (self);
    }
}

/* The connection is beyond use, and its session has to know at once. */
static void
break_off (HawserCarrier *self, gssize n)
{
  self->is_broken = TRUE;
  end_input (self, n, hang_up_arrived);
  while (self->output != NULL)
    send_back (self);
  update_reading (self);
}

static void
send_all (HawserCarrier *self)
{
  while (self->output != NULL && !self->socket.is_blocked)
    {
      struct iovec parts[HAWSER_SOCKET_MAX_PARTS];
      gsize len;
      int n_parts = gather (self, parts, &len);
      gssize n = hawser_socket_write (&self->socket, side_lane (self), parts, n_parts, len);

      if (n < 0)
        {
          break_off (self, n);
          return;
        }
      note_sent (self, (gsize) n);
    }
}

static void
flush (HawserDirty *dirty)
{
  send_all ((HawserCarrier *) ((char *) dirty - G_STRUCT_OFFSET (HawserCarrier, dirty)));
}

static void
on_output (HawserParcel *parcel)
{
  Output *output = (Output *) parcel;
  HawserCarrier *self = output->carrier;

  output->parcel.next = NULL;
  *self->output_tail = output;
  self->output_tail = (Output **) &output->parcel.next;
  if (self->is_broken)
    send_back (self);
  else if (!self->socket.is_blocked)
    hawser_lane_mark_dirty (side_lane (self), &self->dirty);
}

/* ---- The side lane: events ---- */

static void
detach (HawserCarrier *self)
{
  if (self->is_detached)
    return;
  self->is_detached = TRUE;
  hawser_socket_leave (&self->socket, side_lane (self));
}

static void
note_facts (Note *note, HawserTransport *transport)
{
  if (transport == NULL)
    return;
  note->certificate = transport->dup_certificate != NULL ? transport->dup_certificate (transport) : NULL;
  note->psk_identity = transport->get_psk_identity != NULL ? g_strdup (transport->get_psk_identity (transport)) : NULL;
}

static void
open_step (HawserCarrier *self)
{
  char *address = NULL;
  int result = hawser_socket_open (&self->socket, &self->proxy, &address);
  Note *note;

  if (result == 0)
    {
      hawser_socket_note_empty (&self->socket, side_lane (self));
      return;
    }
  self->is_opening = FALSE;
  if (result < 0)
    {
      g_free (address);
      end_input (self, -1, end_arrived);
      update_reading (self);
      return;
    }
  note = note_new (self, opened_arrived);
  note->address = address;
  note_facts (note, self->socket.transport);
  go_back (self, &note->parcel);
  read_all (self);
}

static void
on_ready (HawserPollable *pollable, guint32 events)
{
  HawserCarrier *self = (HawserCarrier *) ((char *) pollable - G_STRUCT_OFFSET (HawserCarrier, socket));

  if (events & EPOLLOUT)
    {
      hawser_socket_unblock (&self->socket, side_lane (self));
      hawser_lane_mark_dirty (side_lane (self), &self->dirty);
    }
  if (self->is_opening)
    open_step (self);
  else if (self->socket.wants_input)
    read_all (self);
  else if (events & (EPOLLHUP | EPOLLERR))
    {
      if (self->was_paused && !self->is_broken)
        break_off (self, 0);
      detach (self);
    }
}

/* ---- The side lane: orders ---- */

static void
on_start (HawserParcel *parcel)
{
  Note *note = (Note *) parcel;
  HawserCarrier *self = note->carrier;

  self->proxy = note->bytes;
  self->is_opening = note->flag;
  g_free (note);
  if (!hawser_socket_join (&self->socket, side_lane (self)))
    {
      self->is_opening = FALSE;
      self->is_detached = TRUE;
      break_off (self, -1);
    }
  else if (!self->is_opening && hawser_socket_has_pending (&self->socket))
    read_all (self);
  else
    update_reading (self);
}

static void
on_pause (HawserParcel *parcel)
{
  HawserCarrier *self = ((Note *) parcel)->carrier;

  self->was_paused = ((Note *) parcel)->flag;
  g_free (parcel);
  update_reading (self);
}

static void
on_hold (HawserParcel *parcel)
{
  HawserCarrier *self = ((Note *) parcel)->carrier;

  self->is_held = TRUE;
  update_reading (self);
  parcel->arrive = held_arrived;
  go_back (self, parcel);
}

static void
on_upgrade (HawserParcel *parcel)
{
  Note *note = (Note *) parcel;
  HawserCarrier *self = note->carrier;
  GByteArray *unsent = g_byte_array_new ();

  while (self->output != NULL)
    {
      struct iovec part;
      gsize len;

      while (hawser_output_peek_from (&self->output->output, self->output->sent, &part, 1, &len) > 0)
        {
          g_byte_array_append (unsent, part.iov_base, (guint) len);
          self->output->sent += len;
        }
      send_back (self);
    }
  hawser_socket_upgrade (&self->socket, side_lane (self), unsent, note->bytes->data, note->bytes->len);
  g_byte_array_unref (note->bytes);
  g_free (note);
  self->is_held = FALSE;
  update_reading (self);
}

static void
on_shut_down (HawserParcel *parcel)
{
  HawserCarrier *self = ((Note *) parcel)->carrier;

  g_free (parcel);
  if (self->socket.transport != NULL && self->socket.transport->has_last_words)
    self->is_ended = FALSE; /* they were told; now for the peer's end */
  hawser_socket_shut_down (&self->socket);
  update_reading (self);
}

static void
on_close (HawserParcel *parcel)
{
  HawserCarrier *self = (HawserCarrier *) ((char *) parcel - G_STRUCT_OFFSET (HawserCarrier, closing));

  if (!self->is_broken)
    send_all (self);
  while (self->output != NULL)
    send_back (self);
  detach (self);
  hawser_lane_unmark_dirty (side_lane (self), &self->dirty);
  hawser_side_lane_stop_waiting (&self->read_ahead);
  hawser_socket_close (&self->socket);
  g_clear_pointer (&self->proxy, g_byte_array_unref);
  self->closing.arrive = gone_arrived;
  go_back (self, &self->closing);
}

/* ---- What the home lane asks for ---- */

HawserCarrier *
hawser_carrier_new (HawserSideLane *side, int fd, HawserTransport *transport, const HawserCarrierFuncs *funcs, gpointer user_data)
{
  HawserCarrier *self = g_new0 (HawserCarrier, 1);

  self->side = side;
  self->funcs = funcs;
  self->user_data = user_data;
  self->input_tail = &self->input;
  self->output_tail = &self->output;
  self->is_encrypted = transport != NULL && transport->is_encrypted;
  self->dirty.flush = flush;
  self->read_ahead.resume = on_less_ahead;
  self->closing.arrive = on_close;
  hawser_socket_init (&self->socket, fd, transport, on_ready);
  ++*hawser_side_lane_get_load (side);
  return self;
}

void
hawser_carrier_start (HawserCarrier *self, GByteArray *proxy, gboolean must_open)
{
  Note *note = note_new (self, on_start);

  note->bytes = proxy;
  note->flag = must_open;
  if (!must_open)
    {
      Note facts = { 0 };

      note_facts (&facts, self->socket.transport);
      self->certificate = facts.certificate;
      self->psk_identity = facts.psk_identity;
    }
  go_out (self, &note->parcel);
}

void
hawser_carrier_write (HawserCarrier *self, HawserOutput *output)
{
  gsize size;
  Output *parcel;

  if (output->pending == 0)
    return;
  parcel = hawser_lane_take_chunk (home_lane (self), sizeof *parcel, &size);
  parcel->parcel.arrive = on_output;
  parcel->carrier = self;
  parcel->memory_size = size;
  parcel->output = *output;
  parcel->sent = 0;
  self->pending += output->pending;
  *output = (HawserOutput) { 0 };
  go_out (self, &parcel->parcel);
}

gsize
hawser_carrier_get_pending (HawserCarrier *self)
{
  return self->pending;
}

void
hawser_carrier_set_paused (HawserCarrier *self, gboolean is_paused)
{
  Note *note;

  if (is_paused == self->is_paused)
    return;
  self->is_paused = is_paused;
  note = note_new (self, on_pause);
  note->flag = is_paused;
  go_out (self, &note->parcel);
}

gboolean
hawser_carrier_has_input (HawserCarrier *self)
{
  return self->input != NULL;
}

void
hawser_carrier_hold (HawserCarrier *self)
{
  go_out (self, &note_new (self, on_hold)->parcel);
}

void
hawser_carrier_upgrade (HawserCarrier *self, GByteArray *early)
{
  Note *note = note_new (self, on_upgrade);

  note->bytes = early;
  go_out (self, &note->parcel);
}

void
hawser_carrier_shut_down (HawserCarrier *self)
{
  go_out (self, &note_new (self, on_shut_down)->parcel);
}

void
hawser_carrier_close (HawserCarrier *self)
{
  self->funcs = NULL;
  --*hawser_side_lane_get_load (self->side);
  while (self->input != NULL)
    {
      HawserParcel *parcel = self->input;

      self->input = parcel->next;
      if (parcel->arrive == input_arrived)
        give_back ((Input *) parcel, FALSE);
      else
        g_free (parcel);
    }
  self->input_tail = &self->input;
  go_out (self, &self->closing);
}

const char *
hawser_carrier_get_address (HawserCarrier *self)
{
  return self->address;
}

GBytes *
hawser_carrier_get_certificate (HawserCarrier *self)
{
  return self->certificate;
}

const char *
hawser_carrier_get_psk_identity (HawserCarrier *self)
{
  return self->psk_identity;
}

gboolean
hawser_carrier_get_is_encrypted (HawserCarrier *self)
{
  return self->is_encrypted;
}

gboolean
hawser_carrier_has_last_words (HawserCarrier *self)
{
  return self->has_last_words;
}
