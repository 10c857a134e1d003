/* SPDX-License-Identifier: GPL-3.0-or-later */
/* 16550 serial ports. What is to be sent waits in a ring that the transmitter's interrupt empties;
 * before interrupts work, in a panic, or with sync_console, it is polled out. Source: the PC16550D
 * data sheet. */
#include "core/irq.h"
#include "core/log.h"
#include "core/options.h"
#include "logic/cmdline.h"
#include "x86/boot.h"
#include "x86/vga.h"
#include "x86/x86.h"

#define UART_DATA 0
#define UART_IER  1
#define UART_FCR  2
#define UART_IIR  2
#define UART_LCR  3
#define UART_MCR  4
#define UART_LSR  5
#define UART_MSR  6
#define UART_SCR  7

#define LSR_DR   0x01
#define LSR_THRE 0x20
#define LSR_TEMT 0x40
#define IER_RX   0x01
#define IER_TX   0x02
#define LCR_DLAB 0x80

#define RING_BYTES 16384 /* a power of two */
#define FIFO_BYTES 16

struct uart {
	const char *name;
	bool present, irq_on;
	u64 base;
	u32 irq, fifo;
	volatile u8 *mmio;
	/* Lock: busy. Raw and unranked, since console output happens under any lock; nothing is
	 * called while it is held. */
	bool busy;
	u32 head, tail; /* free-running */
	u8 ier;
	char ring[RING_BYTES];
};

static struct uart ports[2] = {{.name = "com1"}, {.name = "com2"}};
static struct uart *console_uart; /* where messages go, NULL = none */

static u64 uart_lock(struct uart *u)
{
	u64 flags = local_irq_save();

	while (__atomic_test_and_set(&u->busy, __ATOMIC_ACQUIRE))
		cpu_relax();
	return flags;
}

static void uart_unlock(struct uart *u, u64 flags)
{
	__atomic_clear(&u->busy, __ATOMIC_RELEASE);
	local_irq_restore(flags);
}

static u8 reg_read(const struct uart *u, u32 reg)
{
	return u->mmio ? u->mmio[reg] : inb((u16)(u->base + reg));
}

static void reg_write(const struct uart *u, u32 reg, u8 v)
{
	if (u->mmio)
		u->mmio[reg] = v;
	else
		outb((u16)(u->base + reg), v);
}

static void set_ier(struct uart *u, u8 ier)
{
	if (u->ier != ier) {
		u->ier = ier;
		reg_write(u, UART_IER, ier);
	}
}

/* Waits at most a second or so: a line that never becomes ready must not stop the machine. */
static void wait_lsr(const struct uart *u, u8 bits)
{
	for (u32 i = 0; i < 1000000 && (reg_read(u, UART_LSR) & bits) != bits; i++)
		cpu_relax();
}

/* Fills the FIFO if it is empty. Lock held. */
static void fill_fifo(struct uart *u)
{
	if (!(reg_read(u, UART_LSR) & LSR_THRE))
		return;
	for (u32 i = 0; i < u->fifo && u->tail != u->head; i++)
		reg_write(u, UART_DATA, (u8)u->ring[u->tail++ % RING_BYTES]);
}

static void drain(struct uart *u)
{
	while (u->tail != u->head) {
		wait_lsr(u, LSR_THRE);
		if (!(reg_read(u, UART_LSR) & LSR_THRE)) {
			u->tail = u->head; /* dead line: drop */
			return;
		}
		fill_fifo(u);
	}
}

static void put_char(struct uart *u, char c)
{
	if (u->head - u->tail == RING_BYTES) { /* one FIFO's worth of waiting makes room */
		wait_lsr(u, LSR_THRE);
		fill_fifo(u);
		if (u->head - u->tail == RING_BYTES)
			u->tail++;
	}
	u->ring[u->head++ % RING_BYTES] = c;
}

static void uart_write(struct uart *u, const char *s, size_t n)
{
	u64 flags = uart_lock(u);

	while (n--) {
		if (*s == '\n')
			put_char(u, '\r');
		put_char(u, *s++);
	}
	if (!u->irq_on || options.sync_console) {
		drain(u);
	} else {
		fill_fifo(u);
		set_ier(u, u->tail == u->head ? IER_RX : IER_RX | IER_TX);
	}
	uart_unlock(u, flags);
}

void machine_console_write(const char *s, size_t n)
{
	if (console_uart)
		uart_write(console_uart, s, n);
	vga_write(s, n);
}

/* Panic: the lock's holder may have been stopped. */
void machine_console_flush(void)
{
	struct uart *u = console_uart;

	if (!u)
		return;
	__atomic_clear(&u->busy, __ATOMIC_RELEASE);
	u->irq_on = false;
	drain(u);
	wait_lsr(u, LSR_TEMT);
}

bool hyp_owns_port(u16 port)
{
	struct uart *u = console_uart;

	return u && !u->mmio && port >= u->base && port < u->base + 8;
}

/* ---- setting up ---- */

static bool uart_detect(const struct uart *u)
{
	reg_write(u, UART_SCR, 0x5a);
	if (reg_read(u, UART_SCR) != 0x5a)
		return false;
	reg_write(u, UART_SCR, 0xa5);
	return reg_read(u, UART_SCR) == 0xa5;
}

static void uart_set_line(const struct uart *u, const struct uart_config *c)
{
	static const char kinds[] = "noems";
	u8 lcr = (u8)(c->data_bits - 5) | (c->stop_bits == 2 ? 4 : 0);

	for (u32 i = 1; i < 5; i++) /* parity: odd, even, mark, space */
		if (c->parity == kinds[i])
			lcr |= (u8)(8 | (i == 2 ? 0x10 : i == 3 ? 0x20 : i == 4 ? 0x30 : 0));
	reg_write(u, UART_IER, 0);
	if (c->baud) {
		u32 divisor = MAX(1u, (c->clock_hz / 16 + c->baud / 2) / c->baud);

		reg_write(u, UART_LCR, LCR_DLAB | lcr);
		reg_write(u, 0, (u8)divisor);
		reg_write(u, 1, (u8)(divisor >> 8));
	}
	reg_write(u, UART_LCR, lcr);
	reg_write(u, UART_MCR, 0x0b); /* DTR, RTS, OUT2: the interrupt reaches the bus */
	reg_write(u, UART_FCR, 0x07); /* FIFOs on and empty, interrupt at one byte */
}

static void uart_setup(struct uart *u, const char *spec, u64 port, u32 irq)
{
	struct uart_config c = {.baud = 115200, .clock_hz = 1843200, .data_bits = 8,
	                        .stop_bits = 1, .parity = 'n', .base = port, .irq = irq};

	if (!uart_config_parse(&c, spec))
		return;
	u->base = c.base;
	u->irq = c.irq;
	if (c.base >= 0x10000)
		u->mmio = maddr_to_virt(c.base); /* for now: the boot tables reach 4 GiB */
	if (c.base >= 0x100000000 || !uart_detect(u))
		return;
	uart_set_line(u, &c);
	u->fifo = (reg_read(u, UART_IIR) & 0xc0) == 0xc0 ? FIFO_BYTES : 1;
	u->present = true;
}

void uart_init(void)
{
	uart_setup(&ports[0], options.com1, 0x3f8, 4);
	uart_setup(&ports[1], options.com2, 0x2f8, 3);
	for (u32 i = 0; i < ARRAY_SIZE(ports); i++)
		if (ports[i].present && !console_uart && list_has_word(options.console, ports[i].name))
			console_uart = &ports[i];
}

void uart_remap(void)
{
	struct uart *u = console_uart;

	if (u && u->mmio) {
		volatile u8 *p = ioremap(u->base, 8, MAP_UC);

		if (!p)
			panic("cannot map the serial port");
		u->mmio = p;
	}
}

static void uart_interrupt(struct irq_desc *desc, void *arg)
{
	struct uart *u = arg;
	char in[64];
	u32 n = 0;
	u64 flags = uart_lock(u);

	while (n < sizeof(in) && (reg_read(u, UART_LSR) & LSR_DR))
		in[n++] = (char)reg_read(u, UART_DATA);
	fill_fifo(u);
	set_ier(u, u->tail == u->head ? IER_RX : IER_RX | IER_TX);
	(void)reg_read(u, UART_IIR);
	(void)reg_read(u, UART_MSR);
	uart_unlock(u, flags);
	for (u32 i = 0; i < n; i++)
		console_rx(in[i]);
	if (desc->trigger == IRQ_LEVEL)
		irq_unmask(desc);
}

void uart_init_irq(void)
{
	struct uart *u = console_uart;
	struct irq_desc *d;
	int gsi;
	u64 flags;

	if (!u || !u->irq)
		return;
	gsi = ioapic_setup_isa_irq(u->irq);
	if (gsi < 0 || irq_request((u32)gsi, uart_interrupt, u) != 0) {
		log_warn("%s: no interrupt, the line is polled\n", u->name);
		return;
	}
	d = irq_desc((u32)gsi);
	flags = spin_lock_irqsave(&d->lock);
	irq_unmask(d);
	spin_unlock_irqrestore(&d->lock, flags);
	flags = uart_lock(u);
	u->irq_on = true;
	u->ier = 0;
	set_ier(u, IER_RX);
	uart_unlock(u, flags);
}

u32 uart_irq_in_use(void)
{
	return console_uart && console_uart->irq_on ? console_uart->irq : 0;
}
