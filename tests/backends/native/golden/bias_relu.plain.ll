; k0 = loop
declare i64 @llvm.smin.i64(i64, i64)
declare <4 x float> @llvm.masked.load.v4f32.p0(ptr, i32 immarg, <4 x i1>, <4 x float>)
declare void @llvm.masked.store.v4f32.p0(<4 x float>, ptr, i32 immarg, <4 x i1>)
define void @kernel(ptr %args, i64 %tile, ptr %scratch) #0 {
entry:
  br label %start
start:
  %t1 = getelementptr inbounds i64, ptr %args, i64 4
  %t2 = load ptr, ptr %t1, align 8
  %t3 = getelementptr inbounds i64, ptr %args, i64 7
  %t4 = load ptr, ptr %t3, align 8
  %t5 = getelementptr inbounds i64, ptr %args, i64 10
  %t6 = load ptr, ptr %t5, align 8
  %t7 = getelementptr inbounds i64, ptr %args, i64 5
  %t8 = load i64, ptr %t7, align 8
  %t9 = getelementptr inbounds i64, ptr %args, i64 6
  %t10 = load i64, ptr %t9, align 8
  %t11 = getelementptr inbounds i64, ptr %args, i64 8
  %t12 = load i64, ptr %t11, align 8
  %t13 = getelementptr inbounds i64, ptr %args, i64 9
  %t14 = load i64, ptr %t13, align 8
  %t15 = getelementptr inbounds i64, ptr %args, i64 11
  %t16 = load i64, ptr %t15, align 8
  %t17 = getelementptr inbounds i64, ptr %args, i64 12
  %t18 = load i64, ptr %t17, align 8
  %t19 = getelementptr inbounds i64, ptr %args, i64 2
  %t20 = load i64, ptr %t19, align 8
  %t21 = mul i64 1, %t20
  %t22 = getelementptr inbounds i64, ptr %args, i64 3
  %t23 = load i64, ptr %t22, align 8
  %t24 = getelementptr inbounds i64, ptr %args, i64 0
  %t25 = load i64, ptr %t24, align 8
  %t26 = getelementptr inbounds i64, ptr %args, i64 1
  %t27 = load i64, ptr %t26, align 8
  %t28 = add i64 %t23, %t27
  %t29 = sub i64 %t28, 1
  %t30 = udiv i64 %t29, %t27
  %t31 = udiv i64 %tile, %t30
  %t32 = mul i64 %t31, %t30
  %t33 = sub i64 %tile, %t32
  %t34 = mul i64 %t31, %t25
  %t35 = add i64 %t34, %t25
  %t36 = call i64 @llvm.smin.i64(i64 %t35, i64 %t21)
  %t37 = mul i64 %t33, %t27
  %t38 = add i64 %t37, %t27
  %t39 = call i64 @llvm.smin.i64(i64 %t38, i64 %t23)
  %t41 = icmp slt i64 %t34, %t36
  br i1 %t41, label %loop40, label %done40
loop40:
  %i40 = phi i64 [ %t34, %start ], [ %next40, %latch40 ]
  %t42 = mul i64 %i40, %t8
  %t43 = getelementptr inbounds i8, ptr %t2, i64 %t42
  %t44 = mul i64 %i40, %t12
  %t45 = getelementptr inbounds i8, ptr %t4, i64 %t44
  %t46 = mul i64 %i40, %t16
  %t47 = getelementptr inbounds i8, ptr %t6, i64 %t46
  %t48 = sub i64 %t39, %t37
  %t49 = and i64 %t48, -4
  %t50 = add i64 %t37, %t49
  %t51 = and i64 %t48, -16
  %t52 = add i64 %t37, %t51
  %t54 = icmp slt i64 %t37, %t52
  br i1 %t54, label %loop53, label %done53
loop53:
  %i53 = phi i64 [ %t37, %loop40 ], [ %next53, %latch53 ]
  %t55 = add i64 %i53, 0
  %t56 = add i64 %i53, 4
  %t57 = add i64 %i53, 8
  %t58 = add i64 %i53, 12
  %t59 = getelementptr inbounds float, ptr %t43, i64 %t55
  %t60 = load <4 x float>, ptr %t59, align 4
  %t61 = getelementptr inbounds float, ptr %t43, i64 %t56
  %t62 = load <4 x float>, ptr %t61, align 4
  %t63 = getelementptr inbounds float, ptr %t43, i64 %t57
  %t64 = load <4 x float>, ptr %t63, align 4
  %t65 = getelementptr inbounds float, ptr %t43, i64 %t58
  %t66 = load <4 x float>, ptr %t65, align 4
  %t67 = getelementptr inbounds float, ptr %t45, i64 %t55
  %t68 = load <4 x float>, ptr %t67, align 4
  %t69 = getelementptr inbounds float, ptr %t45, i64 %t56
  %t70 = load <4 x float>, ptr %t69, align 4
  %t71 = getelementptr inbounds float, ptr %t45, i64 %t57
  %t72 = load <4 x float>, ptr %t71, align 4
  %t73 = getelementptr inbounds float, ptr %t45, i64 %t58
  %t74 = load <4 x float>, ptr %t73, align 4
  %t75 = fadd <4 x float> %t60, %t68
  %t76 = fadd <4 x float> %t62, %t70
  %t77 = fadd <4 x float> %t64, %t72
  %t78 = fadd <4 x float> %t66, %t74
  %t79 = fcmp ole <4 x float> %t75, splat (float 0x0000000000000000)
  %t80 = fcmp ole <4 x float> %t76, splat (float 0x0000000000000000)
  %t81 = fcmp ole <4 x float> %t77, splat (float 0x0000000000000000)
  %t82 = fcmp ole <4 x float> %t78, splat (float 0x0000000000000000)
  %t83 = select <4 x i1> %t79, <4 x float> splat (float 0x0000000000000000), <4 x float> %t75
  %t84 = select <4 x i1> %t80, <4 x float> splat (float 0x0000000000000000), <4 x float> %t76
  %t85 = select <4 x i1> %t81, <4 x float> splat (float 0x0000000000000000), <4 x float> %t77
  %t86 = select <4 x i1> %t82, <4 x float> splat (float 0x0000000000000000), <4 x float> %t78
  %t87 = getelementptr inbounds float, ptr %t47, i64 %t55
  store <4 x float> %t83, ptr %t87, align 4
  %t88 = getelementptr inbounds float, ptr %t47, i64 %t56
  store <4 x float> %t84, ptr %t88, align 4
  %t89 = getelementptr inbounds float, ptr %t47, i64 %t57
  store <4 x float> %t85, ptr %t89, align 4
  %t90 = getelementptr inbounds float, ptr %t47, i64 %t58
  store <4 x float> %t86, ptr %t90, align 4
  br label %latch53
latch53:
  %next53 = add nsw i64 %i53, 16
  %again53 = icmp slt i64 %next53, %t52
  br i1 %again53, label %loop53, label %done53, !llvm.loop !0
done53:
  %t92 = icmp slt i64 %t52, %t50
  br i1 %t92, label %loop91, label %done91
loop91:
  %i91 = phi i64 [ %t52, %done53 ], [ %next91, %latch91 ]
  %t93 = getelementptr inbounds float, ptr %t43, i64 %i91
  %t94 = load <4 x float>, ptr %t93, align 4
  %t95 = getelementptr inbounds float, ptr %t45, i64 %i91
  %t96 = load <4 x float>, ptr %t95, align 4
  %t97 = fadd <4 x float> %t94, %t96
  %t98 = fcmp ole <4 x float> %t97, splat (float 0x0000000000000000)
  %t99 = select <4 x i1> %t98, <4 x float> splat (float 0x0000000000000000), <4 x float> %t97
  %t100 = getelementptr inbounds float, ptr %t47, i64 %i91
  store <4 x float> %t99, ptr %t100, align 4
  br label %latch91
latch91:
  %next91 = add nsw i64 %i91, 4
  %again91 = icmp slt i64 %next91, %t50
  br i1 %again91, label %loop91, label %done91, !llvm.loop !0
done91:
  %t101 = icmp slt i64 %t50, %t39
  br i1 %t101, label %then102, label %end102
then102:
  %t103 = sub i64 %t39, %t50
  %t104 = insertelement <4 x i64> poison, i64 %t103, i32 0
  %t105 = shufflevector <4 x i64> %t104, <4 x i64> poison, <4 x i32> zeroinitializer
  %t106 = icmp slt <4 x i64> <i64 0, i64 1, i64 2, i64 3>, %t105
  %t107 = getelementptr inbounds float, ptr %t43, i64 %t50
  %t108 = call <4 x float> @llvm.masked.load.v4f32.p0(ptr %t107, i32 4, <4 x i1> %t106, <4 x float> splat (float 0x0000000000000000))
  %t109 = getelementptr inbounds float, ptr %t45, i64 %t50
  %t110 = call <4 x float> @llvm.masked.load.v4f32.p0(ptr %t109, i32 4, <4 x i1> %t106, <4 x float> splat (float 0x0000000000000000))
  %t111 = fadd <4 x float> %t108, %t110
  %t112 = fcmp ole <4 x float> %t111, splat (float 0x0000000000000000)
  %t113 = select <4 x i1> %t112, <4 x float> splat (float 0x0000000000000000), <4 x float> %t111
  %t114 = getelementptr inbounds float, ptr %t47, i64 %t50
  call void @llvm.masked.store.v4f32.p0(<4 x float> %t113, ptr %t114, i32 4, <4 x i1> %t106)
  br label %end102
end102:
  br label %latch40
latch40:
  %next40 = add nsw i64 %i40, 1
  %again40 = icmp slt i64 %next40, %t36
  br i1 %again40, label %loop40, label %done40, !llvm.loop !0
done40:
  ret void
}

attributes #0 = { nounwind "prefer-vector-width"="128" "no-trapping-math"="true" }
attributes #1 = { noinline nounwind "prefer-vector-width"="128" "no-trapping-math"="true" }
!0 = distinct !{!0, !1}
!1 = !{!"llvm.loop.unroll.disable"}