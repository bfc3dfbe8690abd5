/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A disk that forgets and fails, put under a whole program by LD_PRELOAD. Every write to a file whose path begins with
 * HAWSER_FAULTY_PREFIX is first written down in HAWSER_FAULTY_UNDO, with what it replaced; when the program is killed,
 * the test takes back what was written after the last sync of each file, wholly or sector by sector: what a power failure
 * may do. HAWSER_FAULTY_CONTROL is a file of one byte that the test writes while the program runs: how writes and syncs fail.
 * HAWSER_FAULTY_CLOCK_S moves the wall clock.
 *
 * Shape of an undo record, host order: u8 kind ('w' write, 't' truncate, 's' sync), u32 length of path, u64 offset,
 * u64 size of the file before, u64 length written, u64 length of what was there, path, what was there. */

#undef _FILE_OFFSET_BITS /* both names of a call are filled, not one in the place of the other */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define MAX_PATH 512

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int undo_fd = -1;
static volatile char *control;
static const char *prefix;
static int64_t clock_s;
static ssize_t (*real_pwrite) (int, const void *, size_t, off_t);
static int (*real_fsync) (int);
static int (*real_fdatasync) (int);
static int (*real_ftruncate) (int, off_t);
static int (*real_clock_gettime) (clockid_t, struct timespec *);

__attribute__ ((constructor)) static void
init (void)
{
  const char *undo = getenv ("HAWSER_FAULTY_UNDO"), *file = getenv ("HAWSER_FAULTY_CONTROL"), *seconds = getenv ("HAWSER_FAULTY_CLOCK_S");

  real_pwrite = (ssize_t (*) (int, const void *, size_t, off_t)) dlsym (RTLD_NEXT, "pwrite64");
  real_fsync = (int (*) (int)) dlsym (RTLD_NEXT, "fsync");
  real_fdatasync = (int (*) (int)) dlsym (RTLD_NEXT, "fdatasync");
  real_ftruncate = (int (*) (int, off_t)) dlsym (RTLD_NEXT, "ftruncate64");
  real_clock_gettime = (int (*) (clockid_t, struct timespec *)) dlsym (RTLD_NEXT, "clock_gettime");
  prefix = getenv ("HAWSER_FAULTY_PREFIX");
  clock_s = seconds != NULL ? atoll (seconds) : 0;
  if (undo != NULL)
    undo_fd = open (undo, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file != NULL)
    {
      int fd = open (file, O_RDWR | O_CLOEXEC);

      control = fd >= 0 ? mmap (NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : NULL;
      if (control == MAP_FAILED)
        abort ();
    }
}

static int
is_ours (int fd, char *path)
{
  char link[64];
  ssize_t n;

  if (prefix == NULL)
    return 0;
  snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
  n = readlink (link, path, MAX_PATH - 1);
  if (n < 0)
    return 0;
  path[n] = '\0';
  return strncmp (path, prefix, strlen (prefix)) == 0;
}

/* 'n': no room; 'e': input/output error; 'f': the next sync fails, once. */
static int
fails (int is_sync)
{
  char mode = control != NULL ? *control : 0;

  if (mode == 'n' && !is_sync)
    errno = ENOSPC;
  else if (mode == 'e' || (mode == 'f' && is_sync))
    errno = EIO;
  else
    return 0;
  if (mode == 'f')
    *control = 0;
  return 1;
}

static void
note (char kind, int fd, const char *path, off_t offset, size_t len, off_t keep_from)
{
  struct stat st;
  uint64_t numbers[4] = { (uint64_t) offset, 0, len, 0 };
  uint32_t path_len = (uint32_t) strlen (path);
  size_t room = 1 + sizeof path_len + sizeof numbers + path_len;
  char *record, *at;

  if (undo_fd < 0 || fstat (fd, &st) != 0)
    return;
  numbers[1] = (uint64_t) st.st_size;
  if (kind != 's' && keep_from < st.st_size)
    numbers[3] = kind == 't' ? (uint64_t) (st.st_size - keep_from) : (uint64_t) (st.st_size - keep_from < (off_t) len ? st.st_size - keep_from : (off_t) len);
  record = malloc (room + numbers[3]);
  if (record == NULL)
    abort ();
  at = record;
  *at++ = kind;
  memcpy (at, &path_len, sizeof path_len);
  memcpy (at += sizeof path_len, numbers, sizeof numbers);
  memcpy (at += sizeof numbers, path, path_len);
  if (numbers[3] > 0 && pread (fd, at + path_len, numbers[3], keep_from) != (ssize_t) numbers[3])
    abort ();
  /* one write: a kill leaves a whole record or none */
  if (write (undo_fd, record, room + numbers[3]) < 0)
    abort ();
  free (record);
}

ssize_t
pwrite64 (int fd, const void *data, size_t len, off64_t offset)
{
  char path[MAX_PATH];
  ssize_t n;

  if (!is_ours (fd, path))
    return real_pwrite (fd, data, len, offset);
  if (fails (0))
    return -1;
  pthread_mutex_lock (&lock);
  note ('w', fd, path, offset, len, offset);
  n = real_pwrite (fd, data, len, offset);
  pthread_mutex_unlock (&lock);
  return n;
}

ssize_t
pwrite (int fd, const void *data, size_t len, off_t offset)
{
  return pwrite64 (fd, data, len, offset);
}

int
ftruncate64 (int fd, off64_t size)
{
  char path[MAX_PATH];
  int result;

  if (!is_ours (fd, path))
    return real_ftruncate (fd, size);
  if (fails (0))
    return -1;
  pthread_mutex_lock (&lock);
  note ('t', fd, path, size, 0, size);
  result = real_ftruncate (fd, size);
  pthread_mutex_unlock (&lock);
  return result;
}

int
ftruncate (int fd, off_t size)
{
  return ftruncate64 (fd, size);
}

static int
sync_file (int fd, int (*real) (int))
{
  char path[MAX_PATH];
  int result;

  if (!is_ours (fd, path))
    return real (fd);
  if (fails (1))
    return -1;
  pthread_mutex_lock (&lock);
  /* the page cache outlives a killed process: that it "reached the disk" is what the record says */
  note ('s', fd, path, 0, 0, 0);
  result = 0;
  pthread_mutex_unlock (&lock);
  return result;
}

int
fsync (int fd)
{
  return sync_file (fd, real_fsync);
}

int
fdatasync (int fd)
{
  return sync_file (fd, real_fdatasync);
}

int
clock_gettime (clockid_t id, struct timespec *out)
{
  int result;

  if (real_clock_gettime == NULL)
    init ();
  result = real_clock_gettime (id, out);
  if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
    out->tv_sec += clock_s;
  return result;
}

int
gettimeofday (struct timeval *restrict out, void *restrict zone)
{
  struct timespec now;

  (void) zone;
  clock_gettime (CLOCK_REALTIME, &now);
  out->tv_sec = now.tv_sec;
  out->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t
time (time_t *out)
{
  struct timespec now;

  clock_gettime (CLOCK_REALTIME, &now);
  if (out != NULL)
    *out = now.tv_sec;
  return now.tv_sec;
}
