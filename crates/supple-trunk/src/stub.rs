//! TEMPORARY until supple-runtime has its plan executor.
use supple_pack::op::{Activation, Op, Value};
use supple_pack::read::Pack;
pub trait Trunk { type Error; fn input_length(&self)->usize; fn feature_length(&self)->usize; fn features(&mut self, input:&[f32], feature:&mut [f32]) -> Result<(), Self::Error>; }
pub struct PlanTrunk<'p,'m>{ops:Vec<Op>,w:&'p [f32],input:Value,output:Value,arena:&'m mut [f32]}
impl<'p,'m> PlanTrunk<'p,'m>{ pub fn new(p:&Pack<'p>,arena:&'m mut [f32])->Result<Self,String>{Ok(Self{ops:p.ops().collect(),w:p.weights(),input:p.trunk().input,output:p.trunk().output,arena})}}
fn r(a:Activation,x:f32)->f32{ if a==Activation::Relu && !(x>0.0) {0.0} else {x}}
impl Trunk for PlanTrunk<'_,'_>{ type Error=String;
fn input_length(&self)->usize{self.input.elements()} fn feature_length(&self)->usize{self.output.elements()}
fn features(&mut self,input:&[f32],feature:&mut [f32])->Result<(),String>{
 let o=self.input.offset as usize; self.arena[o..o+input.len()].copy_from_slice(input);
 for op in &self.ops { let (i,u)=op.values(); let x=self.arena[i.offset as usize..][..i.elements()].to_vec(); let d=|v:u16|v as usize;
  let (ih,iw,ic)=(d(i.shape.height),d(i.shape.width),d(i.shape.channels)); let (oh,ow,oc)=(d(u.shape.height),d(u.shape.width),d(u.shape.channels));
  let y=&mut self.arena[u.offset as usize..][..u.elements()];
  match op {
   Op::Dense{weights,bias,activation,..}=>{ let n=x.len(); for k in 0..oc { let mut s=self.w[*bias as usize+k]; for j in 0..n { s+=x[j]*self.w[*weights as usize+((k/8)*n+j)*8+k%8]; } y[k]=r(*activation,s);} }
   Op::GlobalAveragePool{..}=>{ for c in 0..oc { let mut s=0.0; for p in 0..ih*iw { s+=x[p*ic+c]; } y[c]=s*(1.0/(ih*iw) as f32);} }
   Op::Relu{..}=>for (a,b) in y.iter_mut().zip(&x){*a=r(Activation::Relu,*b)},
   Op::Conv2d{window,..}|Op::MaxPool{window,..}=>{ let (kh,kw)=(window.kernel[0] as usize,window.kernel[1] as usize);
    for a in 0..oh { for b in 0..ow { for c in 0..oc { let mut s= if let Op::Conv2d{bias,..}=op {self.w[*bias as usize+c]} else {f32::NEG_INFINITY};
     for p in 0..kh { for q in 0..kw { let yy=(a*window.stride[0] as usize+p) as isize-window.pad[0] as isize; let xx=(b*window.stride[1] as usize+q) as isize-window.pad[1] as isize;
      if yy<0||xx<0||yy>=ih as isize||xx>=iw as isize {continue;} let base=(yy as usize*iw+xx as usize)*ic;
      if let Op::Conv2d{weights,..}=op { let row=kh*kw*ic; for e in 0..ic { s+=x[base+e]*self.w[*weights as usize+((c/8)*row+(p*kw+q)*ic+e)*8+c%8]; } } else { s=s.max(x[base+c]); } }}
     y[(a*ow+b)*oc+c]= if let Op::Conv2d{activation,..}=op { r(*activation,s)} else {s}; }}} }
  } }
 let o=self.output.offset as usize; feature.copy_from_slice(&self.arena[o..o+feature.len()]); Ok(()) } }
